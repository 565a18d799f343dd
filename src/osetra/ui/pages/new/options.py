"""How a fit is to go: its name, budget, strategy, and what else `osetra fit` takes.

Knows nothing of: data beyond the names of columns, spaces.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from nicegui import ui

from osetra.core.errors import StudyError
from osetra.study.budget import Budget, seconds
from osetra.ui import shell

STRATEGIES = {
    "waves": "waves: many a little, the best further",
    "panda": "panda: one network, watched and steered",
    "random": "random",
    "random+asha": "random, on a ladder (ASHA)",
    "random+hyperband": "random, Hyperband",
    "sobol": "Sobol sequence",
    "coarse_to_fine": "coarse to fine",
    "zoom": "zoom (Bayesian optimisation)",
    "grid": "grid",
    "tpe": "TPE (Optuna)",
}
PANDA = "panda"


class Options:
    """The second card; `read` gives what is asked for."""

    def __init__(self, changed: Callable[[], Awaitable[None]]) -> None:
        """changed: called when something else is asked for."""
        self._changed = changed
        with shell.tag("section", "card"):
            shell.text("Fit", "h2")
            with shell.tag("div", "row fields"):
                self._name = self._input("Name of the study", hint="left out: by the file")
                self._budget = self._input("Budget", value="60s", hint="60s, 10m, 2h", classes="field short")
                self._strategy = (
                    ui.select(STRATEGIES, value="waves", on_change=self._heard).props("outlined dense").classes("field wide-field")
                )
                self._strategy._props["label"] = "Strategy"
            with shell.tag("div", "row"):
                self._ensemble = ui.checkbox("Ensemble of the finalists", on_change=self._heard)
                self._finals = ui.checkbox("Finals with fresh seeds", value=True, on_change=self._heard)
                self._test = ui.checkbox("Keep a test part", value=True, on_change=self._heard)
            with shell.tag("details"):
                shell.text("More settings", "summary")
                with shell.tag("div", "row fields"):
                    self._drop = (
                        ui.select([], multiple=True, on_change=self._heard).props("outlined dense use-chips").classes("field wide-field")
                    )
                    self._drop._props["label"] = "Leave out columns"
                    self._columns = {
                        name: ui.select([], clearable=True, on_change=self._heard).props("outlined dense").classes("field")
                        for name in ("groups", "time", "weights")
                    }
                    for made, label in zip(
                        self._columns.values(), ("Groups never split", "Times: later rows test", "Row weights"), strict=True
                    ):
                        made._props["label"] = label
                    self._balanced = ui.checkbox("Classes count the same (balanced)", on_change=self._heard)
                with shell.tag("div", "row fields"):
                    self._numbers = {
                        name: self._input(label, hint=hint, classes="field short")
                        for name, label, hint in (
                            ("trials", "Trials", "at most"), ("epochs", "Epochs", "over all trials"),
                            ("epochs_per_trial", "Epochs a trial", "at most"),
                            ("patience", "Patience", "epochs; 0: never"), ("workers", "Workers", "left out: cores"),
                            ("seed", "Seed", "left out: 0"),
                        )
                    }  # fmt: skip

    @property
    def name(self) -> str | None:
        return (self._name.value or "").strip() or None

    def read(self) -> dict[str, Any]:
        """Options of `osetra fit` by name. Raises StudyError for a budget or number that makes no sense."""
        budget = (self._budget.value or "").strip()
        numbers = {name: _whole(made.value, name) for name, made in self._numbers.items()}
        Budget(seconds=seconds(budget) if budget else None, trials=numbers["trials"], epochs=numbers["epochs"])
        is_panda = self._strategy.value == PANDA
        return {
            "budget": budget or None,
            **numbers,
            "strategy": None if is_panda or self._strategy.value == "waves" else self._strategy.value,
            "panda": is_panda,
            "ensemble": bool(self._ensemble.value),
            "no_finals": not self._finals.value,
            "no_test": not self._test.value,
            "drop": list(self._drop.value or ()),
            **{name: made.value or None for name, made in self._columns.items()},
            "class_weight": "balanced" if self._balanced.value else None,
        }

    def show_columns(self, columns: list[str]) -> None:
        """Of the data, to choose among."""
        self._drop.set_options(columns, value=[one for one in self._drop.value or () if one in columns])
        for made in self._columns.values():
            made.set_options(columns, value=made.value if made.value in columns else None)

    def _input(self, label: str, *, value: str = "", hint: str = "", classes: str = "field") -> ui.input:
        made = ui.input(label=label, value=value, on_change=self._heard).props("outlined dense debounce=300").classes(classes)
        made._props["hint"] = hint
        return made

    async def _heard(self) -> None:
        await self._changed()


def _whole(text: str | None, name: str) -> int | None:
    shown = (text or "").strip()
    if not shown:
        return None
    if not shown.isascii() or not shown.isdecimal():
        raise StudyError(f"{name.replace('_', ' ')} must be a whole number, got {shown!r}; leave it out to have it chosen")
    return int(shown)
