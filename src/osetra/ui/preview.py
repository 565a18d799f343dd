"""The first rows of a data file, read without reading all of it, and about how many there are.

Knows nothing of: what is to be predicted, elements.
"""

import os
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from osetra.core.errors import DataError
from osetra.data.image_folders import ENDINGS as IMAGES
from osetra.data.sources import Table, read_table

if TYPE_CHECKING:
    import pyarrow as pa

MOST_ROWS = 2_000
HEAD_BYTES = 400_000
"""Of a text file that are read."""
MOST_ARRAY_BYTES = 50_000_000
"""Of a file of arrays, which is read whole."""
_CHUNK = 8_192
MOST_COUNTED = 5_000
"""Images of a class that are counted."""
MOST_CLASSES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What the head of a file shows."""

    table: Table | None
    """Its first rows, 2,000 at most; None: a folder of images."""
    rows: int
    """In the file; of a text file that goes on, an estimate from its size."""
    is_estimate: bool
    classes: tuple[tuple[str, int], ...] = ()
    """Of a folder of images: folders and how many images each holds."""


def preview(path: Path, name: str) -> Preview:
    """Look at the head of the file or folder at `path`, called `name` in messages. Raises DataError for what cannot be read."""
    try:
        return _preview(path, name)
    except DataError as error:
        # A person knows files by their names in the working folder.
        raise DataError(str(error).replace(str(path), name)) from error
    except OSError as error:
        raise DataError(f"{name} must be readable, got: {error.strerror or error}; check its permissions") from error


def _preview(path: Path, name: str) -> Preview:
    if path.is_dir():
        return _images(path)
    lower = path.name.lower()
    if lower.endswith((".csv", ".csv.gz", ".tsv", ".tsv.gz")):
        return _text(path, name)
    if lower.endswith((".parquet", ".feather", ".arrow")):
        return _arrow(path, name)
    if path.stat().st_size > MOST_ARRAY_BYTES:
        raise DataError(
            f"{name} is too large to be shown here ({path.stat().st_size / 1e6:,.0f} MB); the target of arrays is called target"
        )
    table = read_table(path, name=name)
    return Preview(table=table.take(_first(len(table.frame))), rows=len(table.frame), is_estimate=False)


def _text(path: Path, name: str) -> Preview:
    """The head as a file of its own, cut after a whole line."""
    size = path.stat().st_size
    with path.open("rb") as file:
        is_packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        if is_packed:
            try:
                head = _unpacked(file)
            except zlib.error as error:
                raise DataError(f"{name} must be a whole gzip file, got one that is damaged ({error}); write it anew") from error
            is_whole = file.tell() >= size
            size = int(len(head) * size / max(1, file.tell()))
        else:
            head = file.read(HEAD_BYTES)
            is_whole = size <= len(head)
    ending = ".tsv" if path.name.lower().endswith((".tsv", ".tsv.gz")) else ".csv"
    for cut in (1.0, 0.5, 0.1):
        kept = head if is_whole and cut == 1.0 else _whole_lines(head[: int(cut * len(head))])
        try:
            with tempfile.TemporaryDirectory(prefix="osetra-head-") as folder:
                place = Path(folder) / f"head{ending}"
                place.write_bytes(kept)
                try:
                    table = read_table(place, name=name)
                except DataError as error:
                    raise DataError(str(error).replace(str(place), name)) from error
            break
        except DataError:
            # A line break within quotes may have been taken for the end of a row.
            if is_whole or cut == 0.1:
                raise
    else:
        raise AssertionError("the last cut returns or raises")
    rows = len(table.frame) if is_whole else round(len(table.frame) * size / max(1, len(kept)))
    return Preview(table=table.take(_first(len(table.frame))), rows=rows, is_estimate=not is_whole)


def _unpacked(file: BinaryIO) -> bytes:
    """So much of a gzipped file as its head is; the file stands where that ends, to within a few kilobytes."""
    head, member = bytearray(), zlib.decompressobj(wbits=31)
    while len(head) < HEAD_BYTES and (packed := file.read(_CHUNK)):
        head += member.decompress(packed)
        while member.eof and member.unused_data:
            # A file may be several, one behind the other.
            left, member = member.unused_data, zlib.decompressobj(wbits=31)
            head += member.decompress(left)
    return bytes(head)


def _whole_lines(head: bytes) -> bytes:
    end = head.rfind(b"\n")
    return head if end < 0 else head[: end + 1]


def _arrow(path: Path, name: str) -> Preview:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        if path.name.lower().endswith(".parquet"):
            file = pq.ParquetFile(path)
            rows = file.metadata.num_rows
            first = pa.Table.from_batches([next(file.iter_batches(batch_size=MOST_ROWS))]) if rows else file.schema_arrow.empty_table()
        else:
            first, rows = _first_batch(path)
    except (pa.ArrowException, OSError, ValueError) as error:
        told = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise DataError(f"{name} must be in the format that its ending says, got something else ({told}); write it anew") from error
    return Preview(table=read_table(first.slice(0, MOST_ROWS), name=name), rows=rows, is_estimate=False)


def _first_batch(path: Path) -> "tuple[pa.Table, int]":
    import pyarrow as pa

    with pa.memory_map(str(path)) as source:
        try:
            file = pa.ipc.open_file(source)
            rows = sum(file.get_batch(number).num_rows for number in range(file.num_record_batches))
            return pa.Table.from_batches([file.get_batch(0)] if file.num_record_batches else [], schema=file.schema), rows
        except pa.ArrowInvalid:
            source.seek(0)
            stream = pa.ipc.open_stream(source)
            batch = stream.read_next_batch()
            return pa.Table.from_batches([batch]), batch.num_rows


def _images(path: Path) -> Preview:
    """Folders and their images, counted without being opened."""
    classes = []
    with os.scandir(path) as entries:
        folders = sorted(entry.name for entry in entries if entry.is_dir() and not entry.name.startswith("."))
    for folder in folders[:MOST_CLASSES]:
        with os.scandir(path / folder) as entries:
            count = 0
            for entry in entries:
                count += entry.name.lower().endswith(IMAGES)
                if count >= MOST_COUNTED:
                    break
        classes.append((folder, count))
    is_cut = len(folders) > MOST_CLASSES or any(count >= MOST_COUNTED for _, count in classes)
    return Preview(table=None, rows=sum(count for _, count in classes), is_estimate=is_cut, classes=tuple(classes))


def _first(rows: int) -> np.ndarray:
    return np.arange(min(rows, MOST_ROWS))
