"""Which study this one goes on from and what came of that, and which ones go on from it: the next search of a verdict, a warm start.

Knows nothing of: how a study begins from another.
"""

from collections.abc import Sequence
from typing import Any

from osetra.core.records import Study
from osetra.ui import shell
from osetra.ui.pages.study.live import Live

MOST = 5
"""Later studies that are named, the newest first."""


def origin(study: Study) -> str:
    """The study that this one goes on from; empty: it goes on from none."""
    applied, asked = study.facts.get("applied") or {}, study.facts.get("asked") or {}
    return str(applied.get("from") or asked.get("warm_start") or "")


class Kin:
    """A line each; none where there is nothing to say."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._shown: object = None
        self._place = shell.tag("div", "kin quiet")
        self._place.set_visibility(False)
        live.follow(self._refresh)

    async def _refresh(self) -> None:
        found = before, sentence, later = await self._live.read(self._read)
        if found == self._shown:
            return
        self._shown = found
        self._place.clear()
        self._place.set_visibility(bool(before or later))
        with self._place:
            if before:
                _line("Goes on from", [before], f": {sentence}" if sentence else ".")
            if later:
                _line("Followed by", later, ".")

    def _read(self) -> tuple[str, str, Sequence[str]]:
        reading, name = self._live.reading, self._live.name
        facts: dict[str, Any] = dict(reading.study(name).record.facts)
        # None follows one that is not over; all studies need not be read as often as that changes.
        known = () if self._live.header.is_live else reading.studies()
        later = [one.study.name for one in known if origin(one.study) == name]
        said = str((facts.get("applied") or {}).get("sentence") or "")
        return origin(reading.study(name).record), shell.sentence(said) if said else "", later[:MOST]


def _line(begins: str, names: Sequence[str], ends: str) -> None:
    with shell.tag("p"):
        shell.text(f"{begins} ", "span")
        for place, name in enumerate(names):
            shell.text(", " if place else "", "span")
            shell.link(name, shell.address("study", name))
        shell.text(ends, "span")
