"""Tables that people open in a spreadsheet, which runs what begins as a formula does.

A text that begins with = + - @, a tab, a line break or their wide forms gets an apostrophe before it, which spreadsheets take for: this
is a text. So does one that begins with an apostrophe, so that taking one off gives every text back. Numbers stay as they are, also those
that a column of texts holds.
Source: OWASP, CSV Injection.
Knows nothing of: where a table comes from.
"""

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

GUARDED = (
    "In the CSV a text that begins with =, +, - or @ has an apostrophe before it, so that no spreadsheet runs it as a formula; "
    "whoever reads the file otherwise takes it off."
)
_BEGINS = tuple("=+-@\t\r\n＝＋－＠'")
_NUMBER = re.compile(r"[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?")


def guarded(frame: "pd.DataFrame") -> "tuple[pd.DataFrame, int]":
    """The same table as no spreadsheet runs it, and how many cells, headings among them, are not what they were."""
    from pandas.api.types import is_numeric_dtype

    made, marked = frame.copy(), 0
    for place, kind in enumerate(frame.dtypes):
        if not is_numeric_dtype(kind):
            cells = frame.iloc[:, place].tolist()
            kept = [_as_text(cell) for cell in cells]
            changed = sum(new is not old for new, old in zip(kept, cells, strict=True))
            if changed:
                made.isetitem(place, kept)
                marked += changed
    heads = frame.columns.tolist()
    made.columns = kept = [_as_text(name) for name in heads]
    return made, marked + sum(new is not old for new, old in zip(kept, heads, strict=True))


def _as_text(cell: Any) -> Any:
    """The cell itself, unless a spreadsheet would run it."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_BEGINS) and not _NUMBER.fullmatch(cell) else cell
