"""One setting of a trial on its page: its slider on its own scale, and a field that takes an exact value.

What a person has changed stays as typed, whatever else comes in; the rest follows what is in effect.
Knows nothing of: commands.
"""

from collections.abc import Callable
from typing import Any

from nicegui import ui

from osetra.core.errors import SpaceError
from osetra.core.records import Value
from osetra.ui import shell
from osetra.ui.pages.trial.fields import STEPS, Setting, shown


class SettingField:
    """The elements of one setting. `on_change` is called whenever what they say changes."""

    def __init__(self, setting: Setting, on_change: Callable[[], None]) -> None:
        self.setting, self._on_change = setting, on_change
        self._text = shown(setting.value)
        self._is_following = False
        self._slider: ui.slider | None = None
        with shell.tag("div", "setting") as self._row:
            with shell.tag("div", "name"):
                shell.text(setting.title, "span").props["title"] = setting.meaning
                self._now = shell.text("", "span", "quiet")
            if setting.scale is not None:
                self._slider = ui.slider(
                    min=0, max=STEPS, step=1, value=setting.place_of(setting.value), on_change=lambda change: self._slid(change.value)
                )
                self._slider.props["aria-label"] = f"{setting.title}, slider"
            self._field = self._made()
            self._wrong = shell.text("", classes="refused small").props("role=alert")
        self._say()

    def _made(self) -> Any:
        setting = self.setting
        if setting.options:
            field = ui.select(list(map(shown, setting.options)), value=self._text, on_change=lambda change: self._typed(change.value))
        else:
            field = ui.input(value=self._text, on_change=lambda change: self._typed(change.value)).props('inputmode="decimal"')
        field.props("outlined dense hide-bottom-space").props["aria-label"] = setting.title
        return field.classes("value")

    @property
    def wanted(self) -> Value | None:
        """What it is to be set to; None: it stays as it is. Raises SpaceError for what makes no sense."""
        return self.setting.read(self._text)

    @property
    def is_changed(self) -> bool:
        return self._text.strip() != shown(self.setting.value)

    def follow(self, setting: Setting) -> None:
        """Such is the setting that is in effect now."""
        if setting == self.setting:
            return
        was_changed, old, self.setting = self.is_changed, self.setting, setting
        if setting.options != old.options:
            # Somebody set one that was not among them, which happens in a terminal.
            self._is_following = True
            self._field.set_options(list(map(shown, setting.options)), value=self._text if was_changed else shown(setting.value))
            self._is_following = False
        if not was_changed:
            self.put(setting.value)
        self._say()

    def put(self, value: Value) -> None:
        """Have it say this, as if it were typed."""
        self._is_following = True
        self._text = shown(value)
        self._field.value = self._text
        # A value for each layer has no place on a scale.
        if self._slider is not None and self.setting.scale is not None:
            self._slider.value = self.setting.place_of(value)
        self._is_following = False
        self._say()

    def forget(self) -> None:
        """Back to what is in effect."""
        self.put(self.setting.value)

    def able(self, can: bool) -> None:
        """Whether it takes anything."""
        for element in (self._field, self._slider):
            if element is not None:
                element.set_enabled(can)

    def _slid(self, place: float | None) -> None:
        if self._is_following or place is None or self.setting.scale is None:
            return
        value = self.setting.value_at(round(place))
        # Where the slider stood it means the value in effect, whatever its digits.
        is_back = round(place) == self.setting.place_of(self.setting.value)
        self._is_following = True
        self._text = shown(self.setting.value if is_back else value)
        self._field.value = self._text
        self._is_following = False
        self._say()
        self._on_change()

    def _typed(self, text: Any) -> None:
        if self._is_following:
            return
        self._text = str(text or "")
        if self._slider is not None and self.setting.scale is not None:
            self._slide()
        self._say()
        self._on_change()

    def _slide(self) -> None:
        """The slider follows what was typed."""
        try:
            value = self.wanted
        except SpaceError:
            return
        assert self._slider is not None
        self._is_following = True
        self._slider.value = self.setting.place_of(self.setting.value if value is None else value)
        self._is_following = False

    def _say(self) -> None:
        try:
            wanted, wrong = self.wanted, None
        except SpaceError as error:
            # What else such a message names is for a space.
            wanted, wrong = None, str(error).partition("; such as")[0]
        shell.put(self._wrong, wrong or "")
        # Not by a property of the field: sending it would send its value, too, and take back what was typed meanwhile.
        self._row.classes(add="wrong" if wrong else "", remove="" if wrong else "wrong")
        self._row.classes(add="changed" if wanted is not None else "", remove="" if wanted is not None else "changed")
        shell.put(self._now, f"was {shown(self.setting.value)}" if wanted is not None else "")
        if self._slider is not None:
            self._slider.props["aria-valuetext"] = self._text
            self._slider.update()
