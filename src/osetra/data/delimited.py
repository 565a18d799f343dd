"""Tables in text files: comma, semicolon or tab between values, gzipped or not.

Types are inferred from the whole file. Whitespace around text goes, and the words in `MISSING_WORDS` count as missing.

Knows nothing of: other formats, what the columns are for.
"""

import gzip
import re
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from osetra.core.errors import DataError
from osetra.data.values import MISSING_WORDS

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

_DELIMITERS = {",": "a comma", ";": "a semicolon", "\t": "a tab"}
_HEAD_BYTES = 65_536
_BLOCK_BYTES = 1 << 22
_LARGEST_BLOCK_BYTES = (1 << 31) - 1
_MAGIC = {
    b"PAR1": "Parquet",
    b"ARROW1": "Arrow",
    b"PK\x03\x04": "a zip archive (a spreadsheet, perhaps)",
    b"%PDF": "PDF",
    b"\x89PNG": "PNG",
}


def read_delimited(path: Path, *, delimiter: str | None = None) -> "pd.DataFrame":
    """Read a text table; `delimiter` None picks the commonest of comma, semicolon and tab in the header.

    Raises DataError for a file that is empty, is no UTF-8 text or has rows of unequal length. Names are as the file has them, stripped;
    a column without a name is called by its place.
    """
    import pyarrow as pa

    zipped, head = _head(path)
    header = _require_text(path, head)
    delimiter = delimiter or max(_DELIMITERS, key=header.count)
    try:
        table = _read(path, zipped=zipped, delimiter=delimiter, block_bytes=_BLOCK_BYTES)
    except pa.ArrowInvalid:
        # Types are inferred from the first block: a later one may not fit them, and a row may be longer than a block. One block for all
        # cures both and, read by one thread, counts the rows for the message about one that is too long or too short.
        try:
            whole = _LARGEST_BLOCK_BYTES if zipped else min(_LARGEST_BLOCK_BYTES, path.stat().st_size + 1)
            table = _read(path, zipped=zipped, delimiter=delimiter, block_bytes=whole, threads=False)
        except pa.ArrowInvalid as error:
            raise _malformed(path, str(error), delimiter) from error
    return _clean(path, table).to_pandas(date_as_object=False, split_blocks=True, self_destruct=True)


def _read(path: Path, *, zipped: bool, delimiter: str, block_bytes: int, threads: bool = True) -> "pa.Table":
    import pyarrow as pa
    import pyarrow.csv as pc

    with pa.input_stream(str(path), compression="gzip" if zipped else None) as stream:
        try:
            return pc.read_csv(
                stream,
                read_options=pc.ReadOptions(block_size=block_bytes, use_threads=threads),
                parse_options=pc.ParseOptions(delimiter=delimiter, newlines_in_values=True),
                convert_options=pc.ConvertOptions(null_values=list(MISSING_WORDS), strings_can_be_null=True),
            )
        except pa.ArrowInvalid:
            raise
        except (OSError, pa.ArrowException) as error:
            raise DataError(
                f"{path} must be a whole text table, got a file that breaks off or is damaged ({error}); write it anew"
            ) from error


def _head(path: Path) -> tuple[bool, bytes]:
    """Whether the file is gzipped, whatever its name, and its first bytes, unzipped."""
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if not head.startswith(b"\x1f\x8b"):
        return False, head
    try:
        with gzip.open(path) as file:
            return True, file.read(_HEAD_BYTES)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} must be a whole gzip file, got one that is damaged ({error}); write it anew") from error


def _require_text(path: Path, head: bytes) -> str:
    """The first line that is not blank."""
    for magic, form in _MAGIC.items():
        if head.startswith(magic):
            raise DataError(f"{path} must be a text table as its name says, got {form}; rename or convert it")
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _not_utf8(path)
    if b"\0" in head:
        raise DataError(
            f"{path} must be a text table as its name says, got binary data; give a CSV file, or one of another format with its own ending"
        )
    text = head.decode("utf-8", errors="replace").removeprefix("\ufeff").strip()
    if not text:
        raise DataError(f"{path} must have a header and rows, got an empty file; give it some data")
    return text.splitlines()[0]


def _not_utf8(path: Path) -> DataError:
    return DataError(f"{path} must be UTF-8 text, got bytes that are not; save it as UTF-8")


def _malformed(path: Path, message: str, delimiter: str) -> DataError:
    if "UTF8" in message or "utf8" in message:
        return _not_utf8(path)
    ragged = re.search(r"(?:Row #(\d+): )?Expected (\d+) columns, got (\d+)", message)
    if ragged is None:
        return DataError(
            f"{path} must be a table with {_DELIMITERS.get(delimiter, repr(delimiter))} between values, got: {message}; mend the file"
        )
    line, expected, got = ragged.groups()
    # Arrow counts the header as row 1; everywhere else here the first row of data is.
    row = f"row {int(line) - 1:,}" if line else "a row"
    return DataError(
        f"every row of {path} must have {expected} values, as the header has, got {got} in {row}; mend it "
        f"(a value that holds {_DELIMITERS.get(delimiter, repr(delimiter))} must stand in double quotes)"
    )


def _clean(path: Path, table: "pa.Table") -> "pa.Table":
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        names = [name.strip() or f"column {place}" for place, name in enumerate(table.column_names, 1)]
    except UnicodeDecodeError as error:
        raise _not_utf8(path) from error
    columns = []
    for name, column in zip(names, table.columns, strict=True):
        if pa.types.is_binary(column.type):
            raise DataError(f"{path} must be UTF-8 text, got bytes that are not in column {name!r}; save it as UTF-8")
        if pa.types.is_time(column.type):
            columns.append(column.cast(pa.string()))
        elif pa.types.is_string(column.type):
            stripped = pc.call_function("utf8_trim_whitespace", [column])
            columns.append(column if stripped.equals(column) else _infer_stripped(stripped))
        else:
            columns.append(column)
    return pa.Table.from_arrays(columns, names=names)


def _infer_stripped(column: "pa.ChunkedArray") -> "pa.ChunkedArray":
    """Text that had whitespace around it may be a word for missing among numbers."""
    import pyarrow as pa
    import pyarrow.compute as pc

    missing = pc.call_function("is_in", [column], pc.SetLookupOptions(value_set=pa.array(MISSING_WORDS)))
    column = pc.call_function("if_else", [missing, pa.scalar(None, pa.string()), column])
    for better in (pa.int64(), pa.float64()):
        try:
            return column.cast(better)
        except pa.ArrowInvalid:
            continue
    return column
