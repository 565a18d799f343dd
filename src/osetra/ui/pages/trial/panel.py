"""Panda controls: the settings, and the commands that a person has for a trial that trains.

Knows nothing of: how commands travel, how the curve is drawn.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal

from nicegui import ui
from nicegui.element import Element

from osetra.core.errors import SpaceError
from osetra.core.records import Event, Value
from osetra.report import words
from osetra.space.known import KNOWN_HYPERPARAMETERS
from osetra.ui import shell
from osetra.ui.asking import agreed
from osetra.ui.pages.trial.asking import Asking
from osetra.ui.pages.trial.fields import main_settings, other_settings, read_other, shown
from osetra.ui.pages.trial.happened import changes, happened
from osetra.ui.pages.trial.seen import Seen
from osetra.ui.pages.trial.setting_field import SettingField
from osetra.ui.pages.trial.typed import resume

HERE, BEST, EPOCH = "where it is now", "its best epoch", "an epoch"
"""Where a branch begins."""


class Panel:
    """The card of controls. `show` has them follow what is seen; what a person is typing stays."""

    def __init__(self, seen: Seen, asking: Asking, where: str) -> None:
        """where: the study's store, as it is named in a terminal."""
        self._seen, self._asking, self._where = seen, asking, where
        self._is_busy = False
        self._buttons: list[tuple[Element, Callable[[], bool]]] = []
        self._others: list[Any] = []
        with shell.tag("section", "card panda").props('aria-label="Controls"') as self._card:
            shell.text("Steer this trial", "h2")
            self._state = shell.text("", classes="quiet small")
            self._resume = shell.text("", "pre")
            with shell.tag("div", "row"):
                self._button("Pause", self._pause, lambda: self._seen.can_pause)
                self._button("Continue", self._continue, lambda: self._seen.can_continue)
                self._button("Stop", self._stop, lambda: self._seen.can_stop, classes="danger")
            self._make_settings(seen)
            self._make_rest()
        self.show(seen)

    def show(self, seen: Seen) -> None:
        """From now on this is so."""
        self._seen = seen
        why_not = seen.why_not
        shell.put(self._state, why_not or _standing(seen))
        self._card.classes(add="resting" if why_not else "", remove="" if why_not else "resting")
        self._resume.set_visibility(bool(why_not) and seen.can_resume)
        shell.put(self._resume, resume(seen, self._where))
        for field, setting in zip(self._fields, main_settings(seen.settings, seen.record), strict=True):
            field.follow(setting)
        self._enable()

    def changed(self) -> dict[str, Value]:
        """What a person changed in the fields. Raises SpaceError for what makes no sense."""
        made = {field.setting.name: wanted for field in self._fields if (wanted := field.wanted) is not None}
        name, text = self._other.value, str(self._other_value.value or "")
        return made | ({name: read_other(name, text)} if name and text.strip() else {})

    def forget(self) -> None:
        """The fields say what is in effect again."""
        for field in self._fields:
            field.forget()
        self._other.value, self._other_value.value = None, ""
        self._enable()

    @property
    def why(self) -> str:
        return str(self._why.value or "").strip()

    def _make_settings(self, seen: Seen) -> None:
        shell.text("Settings, from the next epoch on", "h3")
        self._fields = [SettingField(setting, self._enable) for setting in main_settings(seen.settings, seen.record)]
        names = {name: name for name in other_settings(seen.settings)}
        with shell.tag("div", "setting"):
            self._other = ui.select(names, label="another setting", clearable=True, on_change=lambda _: self._other_chosen())
            self._other.props("outlined dense hide-bottom-space").classes("other")
            self._other_value = ui.input(on_change=lambda _: self._enable()).props("outlined dense hide-bottom-space").classes("value")
            self._other_value.props["aria-label"] = "its value"
            self._meaning = shell.text("", classes="quiet small wide")
            self._wrong = shell.text("", classes="refused small").props("role=alert")
        self._why = ui.input("why (kept with the change)").props("outlined dense hide-bottom-space").classes("why")
        self._why.props["maxlength"] = 500
        with shell.tag("div", "row"):
            self._set = self._button("Set", self._set_changed, self._has_changes, classes="main")
            self._button("Forget changes", self._forget, self._is_touched)
        self._stands_still = shell.text(
            "A rate that is set alone stands still from then on; set a schedule, too, to have it moved again.", classes="quiet small"
        )
        self._others += [self._other, self._other_value, self._why]

    def _make_rest(self) -> None:
        shell.text("Further", "h3")
        with shell.tag("div", "line"):
            self._more = _number("epochs more", 10, low=1)
            self._button("Extend", self._extend, lambda: self._seen.can_extend and _whole(self._more) is not None)
        shell.text("Back", "h3")
        with shell.tag("div", "line"):
            self._back = _number("end of epoch", None, low=0)
            self._button("Roll back", self._back_to_epoch, lambda: _is_below(_whole(self._back), self._seen.trial.epochs))
            self._button("To the best", self._back_to_best, lambda: (self._seen.trial.best_epoch or 0) < self._seen.trial.epochs)
        shell.text("Branch", "h3")
        with shell.tag("div", "line"):
            self._place = ui.select([HERE, BEST, EPOCH], value=HERE, label="a new trial from", on_change=lambda _: self._enable())
            self._place.props("outlined dense hide-bottom-space").classes("place")
            self._from = _number("epoch", None, low=1)
            self._button("Branch", self._branch, lambda: self._place.value != EPOCH or _whole(self._from) is not None)
        shell.text("A branch takes the changes in the fields above with it; this trial goes on as it is.", classes="quiet small")
        for field in (self._more, self._back, self._from):
            field.on_value_change(lambda _: self._enable())
        self._others += [self._more, self._back, self._place, self._from]

    def _button(self, shown_text: str, work: Callable[[], Awaitable[Any]], can: Callable[[], bool], *, classes: str = "") -> Element:
        made = shell.button(shown_text, lambda: self._do(work), classes=classes)
        self._buttons.append((made, can))
        return made

    async def _do(self, work: Callable[[], Awaitable[Any]]) -> None:
        """One thing at a time; the buttons rest meanwhile."""
        if self._is_busy:
            return
        self._is_busy = True
        self._enable()
        try:
            await work()
        except SpaceError as error:
            self._asking.say(str(error))
        finally:
            self._is_busy = False
            self._enable()

    def _enable(self) -> None:
        can_steer = not self._seen.why_not
        for button, can in self._buttons:
            shell.able(button, can_steer and not self._is_busy and can())
        for field in self._fields:
            field.able(can_steer)
        for element in self._others:
            element.set_enabled(can_steer)
        self._from.set_visibility(self._place.value == EPOCH)
        changed = {field.setting.name for field in self._fields if field.is_changed}
        shell.put(self._wrong, self._other_is_wrong())
        self._stands_still.set_visibility("learning_rate" in changed and "schedule" not in changed)

    def _has_changes(self) -> bool:
        try:
            return bool(self.changed())
        except SpaceError:
            return False

    def _other_is_wrong(self) -> str:
        name, text = self._other.value, str(self._other_value.value or "")
        try:
            if name and text.strip():
                read_other(name, text)
        except SpaceError as error:
            return str(error).partition("; such as")[0]
        return ""

    def _is_touched(self) -> bool:
        return any(field.is_changed for field in self._fields) or bool(self._other.value or self._other_value.value)

    def _other_chosen(self) -> None:
        name = self._other.value
        held = self._seen.settings.get(name) if name else None
        now = "" if held is None else f"; now {shown(held)}"
        shell.put(self._meaning, f"{KNOWN_HYPERPARAMETERS[name]}{now}" if name else "")
        self._enable()

    async def _forget(self) -> None:
        self.forget()

    async def _set_changed(self) -> None:
        if await self._asking.ask("set", {"settings": self.changed()}, why=self.why):
            self._clear()

    async def _pause(self) -> None:
        await self._asking.ask("pause", {}, why=self.why)

    async def _continue(self) -> None:
        await self._asking.ask("continue", {}, why=self.why)

    async def _stop(self) -> None:
        trial = self._seen.trial
        lines = [
            f"It has trained {words.counted(trial.epochs, 'epoch')}, and trains no more.",
            "While the study is trained it can be extended or continued again.",
        ]
        if await agreed(f"Stop trial {trial.number}?", lines, "Stop it", place=self._card):
            await self._asking.ask("stop", {}, why=self.why)

    async def _extend(self) -> None:
        await self._asking.ask("extend", {"epochs": _whole(self._more)}, why=self.why)

    async def _back_to_epoch(self) -> None:
        epoch = _whole(self._back)
        if epoch is not None:
            await self._roll_back(epoch)

    async def _back_to_best(self) -> None:
        await self._roll_back("best")

    async def roll_back(self, epoch: int) -> None:
        """Ask once, then go back, with what a person changed in the fields."""
        await self._do(lambda: self._roll_back(epoch))

    async def _roll_back(
        self, epoch: int | Literal["best"], *, settings: Mapping[str, Value] | None = None, why: str | None = None
    ) -> None:
        """settings: what is set there; None: what a person changed in the fields."""
        seen = self._seen
        to = seen.trial.best_epoch if epoch == "best" else epoch
        changed = self.changed() if settings is None else dict(settings)
        if to is None or not await agreed(*_lost(seen, to, changed), place=self._card):
            return
        detail = {"epoch": epoch, **({"settings": changed} if changed else {})}
        if await self._asking.ask("rollback", detail, why=self.why if why is None else why) and settings is None:
            self._clear()

    async def undo(self, event: Event) -> None:
        """Back to before a change: to the checkpoint of then, or, where no epoch came since, to the values of then."""
        epoch = event.epoch or 0
        why = f"undo: {happened(event, self._seen.record.error_name)}"
        if epoch < self._seen.trial.epochs:
            await self._do(lambda: self._roll_back(epoch, settings={}, why=why))
        else:
            await self._do(lambda: self._asking.ask("set", {"settings": dict(event.detail["old"])}, why=why))

    async def follow_suggestion(self, event: Event) -> None:
        """Do as the babysitter says."""
        to, settings, why = event.detail.get("rollback_to"), dict(event.detail.get("settings") or {}), str(event.detail.get("why") or "")
        if to is None:
            await self._do(lambda: self._asking.ask("set", {"settings": settings}, why=why))
        else:
            await self._do(lambda: self._roll_back(int(to), settings=settings, why=why))

    async def _branch(self) -> None:
        places: dict[str, dict[str, Any]] = {HERE: {}, BEST: {"epoch": "best"}, EPOCH: {"epoch": _whole(self._from)}}
        if await self._asking.ask("branch", {**places[self._place.value], "settings": self.changed()}, why=self.why):
            self._clear()

    def _clear(self) -> None:
        """What was typed has been sent."""
        self.forget()
        self._why.value = ""


def _standing(seen: Seen) -> str:
    trial = seen.trial
    left = "" if seen.is_in_hand else " The first command takes it out of the search's hands: from then on people decide about it."
    stands = {
        "running": f"It trains epoch {trial.epochs + 1}.",
        "paused": f"It stands still after epoch {trial.epochs}."
        if seen.is_in_hand
        else f"It waits for the search after epoch {trial.epochs}.",
    }.get(str(trial.state), f"It is over ({trial.state}) after epoch {trial.epochs}; rolled back, continued or extended it goes on.")
    return stands + left


def _lost(seen: Seen, to: int, changed: Mapping[str, Value]) -> tuple[str, list[str], str]:
    """What a person is asked before a trial is rolled back: the question, what is lost, and what the answer is called."""
    trial, name = seen.trial, seen.record.error_name
    place = f"the end of epoch {to}" if to else "its start"
    gone = f"Epoch {to + 1} leaves" if trial.epochs == to + 1 else f"Epochs {to + 1} to {trial.epochs} leave"
    lines = [f"{gone} the curve, with the checkpoints after epoch {to}; what is given up stays in the story, drawn dotted."]
    if trial.best_epoch is not None and trial.best_epoch > to:
        lines.append(f"Among them is the best so far: {words.error(trial.dev_error, name)} at epoch {trial.best_epoch}.")
    undone = {key: value for change in seen.script.changes if change.epoch >= to for key, value in change.settings.items()}
    if undone:
        lines.append(f"What was set since is undone: {changes(undone)}.")
    kept = seen.kept_before(to)
    if to and kept != to:
        start = f"the checkpoint of epoch {kept}" if kept else "the start"
        lines.append(f"There is no checkpoint of epoch {to}; it is trained again from {start}, to the same weights.")
    if changed:
        lines.append(f"From there on it has {changes(changed)}.")
    return f"Roll trial {trial.number} back to {place}?", lines, "Roll back"


def _number(label: str, value: float | None, *, low: int) -> ui.number:
    return ui.number(label, value=value, min=low, step=1, precision=0).props("outlined dense hide-bottom-space").classes("count")


def _is_below(number: int | None, most: int) -> bool:
    return number is not None and number < most


def _whole(field: ui.number) -> int | None:
    value = field.value
    return int(value) if value is not None and value == int(value) and value >= (field.min or 0) else None
