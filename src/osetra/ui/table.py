"""A table on a page: plain texts, links, states; sorted by whoever fills it, patched in place as its rows change.

Knows nothing of: studies, where rows come from.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nicegui.element import Element


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column and what stands above it."""

    name: str
    label: str
    """Empty: a column without a heading."""
    kind: str = ""
    """`number`: to the right; `long`: text that may break."""
    is_sortable: bool = False
    title: str = ""
    """Said when one points at the heading."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What stands in one place; a text alone may stand for it."""

    text: str
    href: str = ""
    state: str = ""
    """A state of a study or trial, whose colour it has."""
    note: str = ""
    """Said more quietly below it."""
    share: float | None = None
    """0 .. 1: a bar below it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row; `key` tells it from the others as rows come and go."""

    key: str | int
    cells: Sequence[str | Cell]
    mark: str = ""
    """A class, such as `best`."""


class Table(Element, component=Path("table.js")):
    """Rows under columns. `show` puts others in their place."""

    def __init__(self, caption: str, columns: Sequence[Column], rows: Iterable[Row] = (), *, is_named: bool = False) -> None:
        """caption: what it is, for those who do not see it; is_named: for all."""
        super().__init__()
        self._props["caption"] = caption
        self._props["named"] = is_named
        self.show(rows, columns=columns)

    def show(self, rows: Iterable[Row], *, columns: Sequence[Column] | None = None, sort: str = "", descending: bool = False) -> None:
        """These rows from now on. sort: the name of the column that they are in the order of."""
        shown = {"rows": [_row(row) for row in rows], "sort": sort, "descending": descending}
        if columns is not None:
            shown["columns"] = [
                {"name": one.name, "label": one.label, "kind": one.kind, "sortable": one.is_sortable, "title": one.title} for one in columns
            ]
            shown["headed"] = any(one.label for one in columns)
        if any(self._props.get(name) != value for name, value in shown.items()):
            for name, value in shown.items():
                self._props[name] = value
            self.update()

    def on_sort(self, heard: Callable[[str], Any]) -> "Table":
        """Call with the name of a column whose heading is chosen."""
        self.on("sort", lambda event: heard(event.args))
        return self


def _row(row: Row) -> dict[str, Any]:
    return {"key": row.key, "mark": row.mark, "cells": [_cell(cell) for cell in row.cells]}


def _cell(cell: str | Cell) -> dict[str, Any]:
    if isinstance(cell, str):
        return {"text": cell}
    given = {"text": cell.text, "href": cell.href, "state": cell.state, "note": cell.note}
    return {name: value for name, value in given.items() if value or name == "text"} | ({} if cell.share is None else {"share": cell.share})
