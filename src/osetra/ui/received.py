"""A file that was handed over in the browser: under a name of ours, of a bounded size packed and unpacked, gone when it was read.

Knows nothing of: who reads it, elements.
"""

import gzip
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from osetra.core.errors import DataError
from osetra.data.image_folders import ENDINGS as IMAGES
from osetra.ui.files import ARRAYS, MOST_BYTES, TABLES, require_size

MOST_UNPACKED = 10 * MOST_BYTES
_CHUNK = 1 << 20


@contextmanager
def received(files: Sequence[tuple[str, bytes]], *, images: bool) -> Iterator[Path]:
    """Where it lies meanwhile: a table or arrays as a file, images (`images`) as a folder of them.

    files: name and content. Raises DataError for another ending, for several tables, and for what is too large.
    """
    if not files:
        raise DataError("predictions need a file, got none; choose one")
    name = files[0][0]
    is_folder = images and all(one.lower().endswith(IMAGES) for one, _ in files)
    if not is_folder and len(files) > 1:
        raise DataError(f"predictions need one file{', or several images' if images else ''}, got {len(files)} files; give one at a time")
    require_size(sum(len(content) for _, content in files), "files" if len(files) > 1 else name)
    with tempfile.TemporaryDirectory(prefix="osetra-received-") as folder:
        if is_folder:
            for number, (one, content) in enumerate(files):
                (Path(folder) / f"{number:04d}{_ending(one, IMAGES)}").write_bytes(content)
            yield Path(folder)
            return
        endings = ARRAYS if images else (*TABLES, *ARRAYS)
        ending = _ending(name, endings)
        if not ending:
            wanted = ", ".join((*(IMAGES if images else ()), *endings))
            raise DataError(f"a file for predictions must end in {wanted}, got {name!r}; give another")
        place = Path(folder) / f"rows{ending}"
        place.write_bytes(files[0][1])
        _require_unpacked(place, name)
        yield place


def _ending(name: str, endings: Sequence[str]) -> str:
    return next((ending for ending in sorted(endings, key=len, reverse=True) if name.lower().endswith(ending)), "")


def _require_unpacked(place: Path, name: str) -> None:
    """A small file may unpack to a huge one; what is damaged is left to who reads it."""
    size = 0
    with place.open("rb") as file:
        head = file.read(4)
    try:
        if head.startswith(b"\x1f\x8b"):
            with gzip.open(place) as unpacked:
                while size <= MOST_UNPACKED and (chunk := unpacked.read(_CHUNK)):
                    size += len(chunk)
        elif head == b"PK\x03\x04":
            with zipfile.ZipFile(place) as archive:
                size = sum(one.file_size for one in archive.infolist())
        elif head == b"PAR1":
            import pyarrow.parquet as pq

            facts = pq.ParquetFile(place).metadata
            size = sum(facts.row_group(number).total_byte_size for number in range(facts.num_row_groups))
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, ValueError):
        return
    if size > MOST_UNPACKED:
        raise DataError(
            f"a file given in the browser must unpack to at most {MOST_UNPACKED // 1_000_000} MB, got {name!r}, which holds more"
        )
