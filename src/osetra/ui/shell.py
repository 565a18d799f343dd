"""What every page has: the bar at the top, where one is, light or dark, and small pieces made of plain HTML elements.

Texts of studies and data go through `text`, `link` and `table` only, which never read markup in them.
Knows nothing of: studies.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from nicegui import ui
from nicegui.element import Element

HERE = Path(__file__).parent


@cache
def _read(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


@contextmanager
def page(title: str, crumbs: Sequence[tuple[str, str]] = ()) -> Iterator[None]:
    """A page of this title; what is made within is its main part. crumbs: the way here, each (text, address), this page's own not."""
    ui.page_title(f"{title} · osetra")
    ui.add_head_html(f"<script>{_read('theme.js')}</script>")
    ui.add_css(_read("page.css"))
    with ui.header(fixed=False).classes("osetra-top"), tag("div", "inner"):
        link("osetra", "/", "brand")
        with tag("nav", "crumbs").props('aria-label="Where you are"'):
            for shown, address in crumbs:
                link(shown, address)
                text("/", "span", "quiet")
            text(title, "span")
        link("New fit", "/new", "small")
        tag("button", "btn").props("id=theme type=button aria-label=Theme").on("click", js_handler="() => window.osetraTheme()")
    with tag("div", "stack"):
        yield


async def connected() -> bool:
    """Wait until a browser shows the page; False: it never will, as where a program fetched it."""
    client = ui.context.client
    await client.connected()
    return not client.is_deleted


def tag(name: str, classes: str = "") -> Element:
    """An HTML element; its props and children are the caller's."""
    return ui.element(name).classes(classes)


def text(shown: Any, name: str = "p", classes: str = "") -> Element:
    """An element that holds plain text."""
    made = ui.element(name).classes(classes)
    made._text = str(shown)
    return made


def put(element: Element, shown: Any) -> None:
    """Have an element that holds plain text hold another; nothing is sent where it holds that already."""
    if element._text != str(shown):
        element._text = str(shown)
        element.update()


def sentence(said: str) -> str:
    """Beginning with a capital, unless with a name as it is written, and ending with a full stop."""
    # A word may stand before a comma or have parts; with a colon behind it, it is a name.
    first = said.split(" ", 1)[0].rstrip(",;").replace("-", "").replace("'", "")
    begun = f"{said[:1].upper()}{said[1:]}" if first.isalpha() and first.islower() else said
    return f"{begun.rstrip('. ')}."


def link(shown: str, address: str, classes: str = "") -> Element:
    """A link within the dashboard."""
    made = text(shown, "a", classes)
    made._props["href"] = address
    return made


def address(*parts: object) -> str:
    """The path of these parts, each quoted: /study/NAME of "study" and a name."""
    return "/" + "/".join(quote(str(part), safe="") for part in parts)


def button(shown: str, on_click: Callable[[], Any], *, classes: str = "", label: str = "") -> Element:
    """A button; classes `main` for the page's first action, `danger` for what cannot be undone. label: said instead of what is shown."""
    made = text(shown, "button", f"btn {classes}").props("type=button")
    if label:
        made._props["aria-label"] = label
    return made.on("click", lambda _: on_click())


def able(button: Element, can: bool) -> None:
    """Whether a button can be pressed; nothing is sent where that is so already."""
    if button._props.get("disabled", False) is can:
        button._props["disabled"] = not can
        button.update()


def numbers(shown: Sequence[tuple[str, str, str]]) -> None:
    """Main numbers of a page, each (what, the number, what else)."""
    with tag("dl", "numbers"):
        for what, number, more in shown:
            with tag("div"):
                text(what, "dt")
                with tag("dd"):
                    text(number, "div", "main")
                    if more:
                        text(more, "div", "quiet")


def facts(shown: Mapping[str, Any]) -> None:
    """Names and values below one another."""
    with tag("dl", "facts"):
        for name, value in shown.items():
            text(name, "dt")
            text(value, "dd")


def state(shown: str) -> Element:
    """The state of a study or trial, as a word in its colour."""
    return text(shown, "span", f"state {shown}")


def empty(sentence: str, what_to_do: str = "") -> None:
    """Where there is nothing yet: why, and what to do."""
    with tag("div", "card empty"):
        text(sentence)
        if what_to_do:
            text(what_to_do, "pre")
