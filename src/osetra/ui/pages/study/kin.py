"""Which study this one goes on from and what came of that, and which ones go on from it: the next search of a verdict, a warm start.

Knows nothing of: how a study begins from another.
"""

from collections.abc import Sequence

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
        live = self._live
        # None follows one that is not over; all studies need not be read as often as that changes.
        later = () if live.header.is_live else await live.read(self._later)
        said = str((live.study.facts.get("applied") or {}).get("sentence") or "")
        before, sentence = origin(live.study.record), shell.sentence(said) if said else ""
        found = before, sentence, later
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

    def _later(self) -> Sequence[str]:
        return [one.study.name for one in self._live.reading.studies() if origin(one.study) == self._live.name][:MOST]


def _line(begins: str, names: Sequence[str], ends: str) -> None:
    with shell.tag("p"):
        shell.text(f"{begins} ", "span")
        for place, name in enumerate(names):
            shell.text(", " if place else "", "span")
            shell.link(name, shell.address("study", name))
        shell.text(ends, "span")
