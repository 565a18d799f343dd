"""HTML, built so that no text becomes markup by accident.

`tag` escapes every text it is given; only what `tag` itself made goes in as it is.
Knows nothing of: studies, pages.
"""

import html
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

VOID = ("meta", "br", "hr")
LONGEST = 400
"""Characters of one text from a study; a longer one is cut, so that no label or error text fills a page."""


_NUMBER = re.compile(r"[-+]?[\d.,]+(e[-+]?\d+)?( (%|s|h|min|to|[-+]?[\d.,]+))*|-|")
"""A number, a time or an interval as `report.words` writes them; a dash or nothing where there is none."""

_OPTION = re.compile(r"(?<!\S)(--[a-z][a-z-]*)")
_SHORT = 20
"""Characters of a cell that need no room of their own."""


class Markup(str):
    """HTML that is safe to put into a page."""

    __slots__ = ()


Child: TypeAlias = "Markup | str | int | Iterable[Child] | None"


def tag(name: str, /, *children: Child, **attributes: str | int | bool | None) -> Markup:
    """`<name attribute="...">children</name>`. An attribute of None or False is left out; `class_` is class, `aria_label` aria-label."""
    said = "".join(
        f" {key.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{html.escape(_printable(str(value)))}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    return Markup(f"<{name}{said}>" if name in VOID else f"<{name}{said}>{join(*children)}</{name}>")


def join(*children: Child) -> Markup:
    """Children after one another, texts escaped."""
    return Markup("".join(_html(child) for child in children))


def raw_element(name: str, text: str, **attributes: str) -> Markup:
    """A style or script element around a text of our own, in which nothing may end it early."""
    assert f"</{name}" not in text.lower(), f"{name} ends early"
    return Markup(f"{tag(name, **attributes).removesuffix(f'</{name}>')}{text}</{name}>")


def data_element(name: str, data: Any) -> Markup:
    """JSON for scripts, as an element of that id that no browser runs; numbers that JSON does not know are null."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return raw_element("script", text, type="application/json", id=name)


def table(caption: str, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Markup:
    """A table in a box of its own that scrolls where it is too wide, by keyboard too. Columns of numbers stand to the right."""
    listed = [list(row) for row in rows]
    kinds = [_kind([row[place] for row in listed]) for place in range(len(headings))]

    def cells(kind: str, row: Sequence[str], **attributes: str) -> list[Markup]:
        return [tag(kind, cell, class_=kinds[place] or None, **attributes) for place, cell in enumerate(row)]

    body = [tag("tr", cells("td", row)) for row in listed]
    # A heading that says nothing would be a heading all the same for those who listen.
    head = tag("tr", [cell if heading else tag("td") for cell, heading in zip(cells("th", headings, scope="col"), headings, strict=True)])
    box = tag("div", tag("table", tag("thead", head), tag("tbody", body)), class_="scroll", role="region", aria_label=caption, tabindex="0")
    # The caption stands outside the box, so that it does not scroll away.
    return tag("figure", tag("figcaption", caption), box)


def _kind(column: Sequence[str]) -> str:
    if all(_NUMBER.fullmatch(cell) for cell in column):
        return "number"
    return "long" if max(map(len, column), default=0) > _SHORT else ""


def facts_list(facts: Mapping[str, Child]) -> Markup:
    """Names and what they are, one below another; what is None is left out."""
    return tag("dl", [(tag("dt", name), tag("dd", told)) for name, told in facts.items() if told is not None])


def details(summary: str, *children: Child) -> Markup:
    """What is shown when asked for."""
    return tag("details", tag("summary", summary), *children)


def code(text: str) -> Markup:
    """A command or program that is copied as it stands, however long."""
    # An option is not broken between its two hyphens.
    shown = _OPTION.sub(r'<span class="option">\1</span>', html.escape(_printable(text)))
    return tag("pre", tag("code", Markup(shown)), tabindex="0")


def _html(child: Child) -> str:
    if isinstance(child, Markup):
        return child
    if child is None:
        return ""
    if isinstance(child, str | int):
        # A number and its percent sign stay on one line.
        return html.escape(_printable(_cut(str(child)))).replace(" %", "\N{NO-BREAK SPACE}%")
    return "".join(_html(one) for one in child)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _printable(text: str) -> str:
    """No control characters: those that HTML forbids, and those that turn the direction of what follows."""
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)
