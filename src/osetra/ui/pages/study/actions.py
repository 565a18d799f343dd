"""What to do next: the actions of a verdict in their order, each with why, what it can bring and what it takes; and having it done.

The next search carries out what belongs together, as `osetra diagnose --apply` does; what it does not stands there with its command.
Knows nothing of: how a verdict is found, how a search is run.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nicegui import ui

from osetra.core.errors import OsetraError
from osetra.report import told, words
from osetra.report.gathered import Gathered
from osetra.report.records import command_of
from osetra.ui import shell
from osetra.ui.pages.study.live import Live

if TYPE_CHECKING:
    from osetra.study.diagnose import Diagnosis


class Actions:
    """A list that is made anew only where it says something else."""

    def __init__(self, live: Live, *, most: int | None = None) -> None:
        """most: so many of them, the first to do; None: all."""
        self._live, self._most = live, most
        self._shown: object = None
        self._list = shell.tag("ol", "actions" if most is None else "actions single")

    def show(self, of: Gathered, applied: Sequence[str] = ()) -> None:
        """The actions of this verdict. applied: names of those that the next search carries out together."""
        listed = list(told.actions(of))
        if self._most is not None:
            first = told.first_action(of)
            listed = [] if first is None else [first]
        if (listed, applied) == self._shown:
            return
        self._shown = listed, applied
        self._list.clear()
        self._list.set_visibility(bool(listed))
        with self._list:
            for action in listed:
                with shell.tag("li"):
                    self._one(of, action, applied)

    def _one(self, of: Gathered, action: Mapping[str, Any], applied: Sequence[str]) -> None:
        command = command_of(of, action)
        with shell.tag("div", "between"):
            with shell.tag("div", "grow"):
                with shell.tag("p"):
                    shell.text(f"{'Next: ' if self._most == 1 else ''}{action['name'][:1].upper()}{action['name'][1:]}. ", "strong")
                    shell.text(shell.sentence(action["sentence"]), "span")
                with shell.tag("dl", "facts"):
                    for label, name in (("Because", "evidence"), ("Can bring", "effect"), ("Takes", "cost")):
                        if action.get(name):
                            shell.text(label, "dt")
                            shell.text(shell.sentence(str(action[name])), "dd")
            if action["name"] in applied:
                shell.button("Apply …", lambda: Asked(self._live, applied).open(), classes="main", label=f"Apply: {action['name']}")
        if command and self._most is None:
            with shell.tag("details"):
                shell.text("By hand", "summary")
                shell.text(command, "pre")


def applied_by(found: "Diagnosis | None") -> tuple[str, ...]:
    """Names of the actions that the next search from this verdict carries out together."""
    from osetra.study.apply import choose

    chosen = None if found is None or found.gaps is None else choose(found, ())
    return () if chosen is None else tuple(action.name for action in chosen.actions)


class Asked:
    """The question before the next search is run, with its budget."""

    def __init__(self, live: Live, applied: Sequence[str]) -> None:
        self._live = live
        own = [
            words.duration(most) if name == "seconds" else words.counted(round(most), name.removesuffix("s"))
            for name, most in live.header.budget.items()
        ]
        with ui.dialog() as self._dialog, shell.tag("div", "card asking"):
            self._dialog.props('aria-label="Run the next search?"')
            shell.text("Run the next search?", "h2")
            shell.text(f"It carries out, together: {', '.join(applied)}.")
            shell.text(f"It becomes a study of its own, which is compared with {live.name} at the end; {live.name} stays as it is.")
            self._budget = ui.input("Budget", placeholder=f"as before: {', '.join(own)}")
            self._budget.props("outlined dense stack-label").classes("field")
            shell.text("Such as 60s, 10m or 2h; left empty, as before.", "p", "quiet small")
            self._until = ui.checkbox("Go on from its verdict, until no gap is high or nothing helps any more").props("dense")
            self._why = shell.text("", "p", "problem").props("role=alert")
            with shell.tag("div", "row end"):
                shell.button("Cancel", self._dialog.close)
                self._run = shell.button("Run it", self._begin, classes="main")

    def open(self) -> None:
        """Ask."""
        self._dialog.on("hide", self._dialog.delete)
        self._dialog.open()

    async def _begin(self) -> None:
        live = self._live
        budget, until = (self._budget.value or "").strip() or None, "done" if self._until.value else None
        shell.able(self._run, False)
        try:
            run = await live.read(lambda: live.dashboard.runs.apply(live.name, budget=budget, until=until))
        except OsetraError as error:
            shell.put(self._why, shell.sentence(str(error)))
            return
        finally:
            shell.able(self._run, True)
        self._dialog.close()
        ui.notify(f"{run.sentence}.")
        await live.look()
