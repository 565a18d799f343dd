"""Folders of image files: a folder for each class, those again in folders for training, dev and test, or files alone.

    pictures/cat/1.png  pictures/dog/2.jpg                     classes
    pictures/train/cat/1.png  pictures/test/dog/2.jpg          parts: train, dev (or val, valid, validation) and test
    pictures/1.png                                             no class, for predictions

`scan` looks at names and headers only. `ImageFolder.read` then brings all images to one size and kind: by area averaging, stretched if
need be; to colour or grey; turned as their camera held them; transparency laid over white; 16 bits a pixel become 8.

Knows nothing of: arrays of images, targets, models. Pillow decodes the files.
"""

import os
import struct
import warnings
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from osetra.core.errors import DataError, MissingExtra
from osetra.data.images import LONGEST, Images, Shape, reduced_size, resized, shape_in_words

if TYPE_CHECKING:
    from PIL.Image import Image

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp")
PARTS = {"train": 0, "training": 0, "dev": 1, "val": 1, "valid": 1, "validation": 1, "test": 2}
"""Names of folders, in any case, that stand for parts if all folders beside them do and one is for training."""

_FORMATS = ("PNG", "JPEG", "BMP")
_ORIENTATION, _TURNED_ON_ITS_SIDE = 0x0112, (5, 6, 7, 8)
_DAMAGED = (OSError, SyntaxError, ValueError, EOFError, LookupError, struct.error, zlib.error)
"""What Pillow raises, besides its own, for a file that is damaged."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ImageFolder:
    """What was found in a folder; nothing is decoded yet."""

    root: Path
    files: tuple[str, ...]
    """Within the root, in the order of the rows."""
    classes: tuple[str, ...]
    """Of each file; empty where files are in no folders."""
    given: np.ndarray | None
    """int8 [files] where the folder has parts: 0 training, 1 dev, 2 test."""
    sizes: np.ndarray
    """Height and width, int64 [files, 2]."""
    colours: np.ndarray
    """Whether each is in colour, bool [files]."""
    notes: tuple[str, ...]

    @property
    def has_one_size(self) -> bool:
        return bool((self.sizes == self.sizes[0]).all())

    def natural_shape(self) -> Shape:
        """The size of all, or the medians of height and width; reduced to 64 pixels; in colour if one is."""
        height, width = (int(side) for side in np.median(self.sizes, axis=0))
        return *reduced_size(height, width), 3 if self.colours.any() else 1

    def notes_on(self, shape: Shape) -> list[str]:
        """What bringing them to their natural shape does, in sentences for a person."""
        wanted, notes = shape_in_words(shape), []
        low, high = (f"{height} x {width}" for height, width in (self.sizes.min(axis=0), self.sizes.max(axis=0)))
        if not self.has_one_size:
            count = len(np.unique(self.sizes, axis=0))
            reduced = f", reduced to {LONGEST} on the longer side" if np.median(self.sizes, axis=0).max() >= LONGEST + 1 else ""
            notes.append(
                f"images of {count:,} sizes, from {low} to {high} pixels, were brought to {wanted} by area averaging: "
                f"the medians of height and width{reduced}"
            )
        elif tuple(self.sizes[0]) != shape[:2]:
            notes.append(f"images of {high} pixels were reduced to {wanted} by area averaging, as every pixel is an input of the network")
        if shape[2] == 3 and not self.colours.all():
            grey = int((~self.colours).sum())
            notes.append(f"{grey:,} of {len(self.files):,} images are grey and were taken as colour, as the others are")
        return notes

    def read(self, shape: Shape) -> Images:
        """Decode every file into `shape`. Raises DataError for other than 1 or 3 channels and for a file that cannot be read."""
        height, width, channels = shape
        if channels not in (1, 3):
            raise DataError(f"image files have 1 or 3 channels, got {self.root} where images of {channels} are wanted; give an array")
        pixels = np.empty((len(self.files), height, width, channels), np.uint8)
        with _unwarned():
            for place, (file, image) in enumerate(_opened(self.root, self.files)):
                try:
                    decoded = _decoded(image, colour=channels == 3)
                except _DAMAGED as error:
                    raise _unreadable(self.root / file, error) from error
                fits = decoded.shape[:2] == (height, width)
                pixels[place] = decoded if fits else resized(decoded[np.newaxis], height, width)[0]
        return Images(pixels=pixels, files=self.files, of_any_size=not self.has_one_size)


def scan(path: Path) -> ImageFolder:
    """Find the images of a folder and read their headers.

    Hidden files are passed over, links that leave the folder are not followed. Raises DataError if there is no image, images are both in
    folders and beside them or in folders of class folders, or a file is no image; MissingExtra without Pillow.
    """
    found = _Search(Path(os.path.realpath(path)), shown=path)
    files, classes, given = found.run()
    with _unwarned():
        headers = [_header(found.root / file, image) for file, image in _opened(found.root, files)]
    return ImageFolder(
        root=found.root,
        files=tuple(files),
        classes=tuple(classes),
        given=given,
        sizes=np.array([header[0] for header in headers], dtype=np.int64).reshape(-1, 2),
        colours=np.array([header[1] for header in headers], dtype=bool),
        notes=tuple(found.notes()),
    )


class _Search:
    """Walks a folder once, in the order of names."""

    def __init__(self, root: Path, *, shown: Path) -> None:
        self.root, self._shown = root, shown
        self._others: list[str] = []
        self._links: list[str] = []
        self._empty: list[str] = []
        self._parts: list[str] = []

    def run(self) -> tuple[list[str], list[str], np.ndarray | None]:
        """Files, their classes and their parts."""
        files, folders = self._entries(self.root)
        names = [folder.name.lower() for folder in folders]
        if not files and set(names) <= PARTS.keys() and 0 in {PARTS[name] for name in names}:
            found, classes, given = self._in_parts(folders)
        else:
            found, classes = self._by_class(files, folders)
            given = None
        if not found:
            raise DataError(
                f"a folder must hold images (PNG, JPEG or BMP) in folders, one a class, got the folder {self._shown}, which holds none; "
                "name a folder of images, or a file with a table"
            )
        return found, classes, given

    def notes(self) -> list[str]:
        """What was left out."""
        notes = []
        if self._parts:
            notes.append(f"the folder comes in parts: {', '.join(self._parts)}")
        if self._empty:
            notes.append(f"{_few(self._empty)}: no image there, so no class")
        if self._others:
            were = "file is no PNG, JPEG or BMP and was" if len(self._others) == 1 else "files are no PNG, JPEG or BMP and were"
            notes.append(f"{len(self._others):,} {were} left out: {_few(self._others)}")
        if self._links:
            links = "symbolic link leaves" if len(self._links) == 1 else "symbolic links leave"
            notes.append(f"{len(self._links):,} {links} the folder or lead nowhere and are not followed: {_few(self._links)}")
        return notes

    def _in_parts(self, folders: Sequence[Path]) -> tuple[list[str], list[str], np.ndarray | None]:
        files, classes, given = [], [], []
        for folder in sorted(folders, key=lambda folder: PARTS[folder.name.lower()]):
            beside, below = self._entries(folder)
            found, named = self._by_class(beside, below)
            if len(found) != len(named):
                raise DataError(
                    f"{self._shown / folder.name} must hold a folder of images for each class, as {self._shown} comes in parts, "
                    "got images in no folder; sort them into folders"
                )
            self._parts.append(f"{len(found):,} images in {folder.name}")
            files += found
            classes += named
            given += [PARTS[folder.name.lower()]] * len(found)
        return files, classes, np.array(given, np.int8) if len(set(given)) > 1 else None

    def _by_class(self, files: Sequence[Path], folders: Sequence[Path]) -> tuple[list[str], list[str]]:
        found, classes = [], []
        for folder in folders:
            inside, deeper = self._entries(folder)
            nested = next((image for below in deeper for image in self._any_image(below)), None)
            if nested is not None:
                raise DataError(
                    f"every class of {self._shown} must be a folder of images, got images in folders within {folder.name!r}, "
                    f"such as {self._name(nested)}; move them up, or name the folder that holds the classes"
                )
            if not inside:
                self._empty.append(self._name(folder))
            found += [self._name(image) for image in inside]
            classes += [folder.name] * len(inside)
        if files and found:
            raise DataError(
                f"the images of {self._shown} must all be in folders, one a class, or all be in no folder, got {len(found):,} in folders "
                f"and {len(files):,} beside them, such as {self._name(files[0])}; move or remove these"
            )
        if files:
            # Folders without images are of no interest beside images.
            self._empty.clear()
            return [self._name(image) for image in files], []
        return found, classes

    def _entries(self, folder: Path) -> tuple[list[Path], list[Path]]:
        """Image files and folders in it, by name; all else is noted."""
        files, folders = [], []
        try:
            entries = sorted(folder.iterdir(), key=lambda entry: entry.name)
        except OSError as error:
            raise DataError(f"{folder} must be readable, got: {error.strerror or error}; change its permissions") from error
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_symlink() and not (entry.exists() and Path(os.path.realpath(entry)).is_relative_to(self.root)):
                self._links.append(self._name(entry))
            elif entry.is_dir():
                folders.append(entry)
            elif entry.is_file() and entry.suffix.lower() in ENDINGS:
                files.append(entry)
            else:
                self._others.append(self._name(entry))
        return files, folders

    def _any_image(self, folder: Path) -> Iterator[Path]:
        for above, _, names in os.walk(folder):
            yield from (Path(above, name) for name in sorted(names) if name.lower().endswith(ENDINGS) and not name.startswith("."))

    def _name(self, entry: Path) -> str:
        return entry.relative_to(self.root).as_posix()


def _pillow() -> Any:
    try:
        import PIL.Image
    except ImportError as error:
        raise MissingExtra('folders of images need Pillow, which is not installed; pip install "osetra[images]"') from error
    return PIL.Image


@contextmanager
def _unwarned() -> Iterator[None]:
    """What can be read is read without a word, such as on a slip in what a camera noted; see Pillow for why too many pixels cannot be."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", _pillow().DecompressionBombWarning)
        yield


def _opened(root: Path, files: Sequence[str]) -> "Iterator[tuple[str, Image]]":
    """Each file with its header read, and closed again."""
    pillow = _pillow()
    for file in files:
        try:
            with (root / file).open("rb") as stream:
                yield file, pillow.open(stream, formats=_FORMATS)
        except (*_DAMAGED, pillow.DecompressionBombWarning, pillow.DecompressionBombError) as error:
            raise _unreadable(root / file, error) from error


def _header(path: Path, image: "Image") -> tuple[tuple[int, int], bool]:
    """Height and width as it is to be seen, and whether it is in colour."""
    height, width = image.height, image.width
    try:
        if _by_camera(image) and image.getexif().get(_ORIENTATION) in _TURNED_ON_ITS_SIDE:
            height, width = width, height
    except _DAMAGED as error:
        raise _unreadable(path, error) from error
    if image.mode == "P":
        palette = np.array(image.getpalette("RGB") or [0, 0, 0]).reshape(-1, 3)
        return (height, width), bool((palette != palette[:, :1]).any())
    return (height, width), image.mode not in ("1", "L", "LA", "La") and not image.mode.startswith("I")


def _by_camera(image: "Image") -> bool:
    """Whether it may say which side is up. PNG can too, but hardly ever does, and only after all its pixels."""
    return image.format in ("JPEG", "MPO")


def _decoded(image: "Image", *, colour: bool) -> np.ndarray:
    """uint8 [height, width, 1 or 3]."""
    from PIL import Image, ImageOps

    upright = ImageOps.exif_transpose(image) if _by_camera(image) else image
    if upright.mode.startswith("I"):
        wide = np.clip(np.asarray(upright, dtype=np.int64), 0, 65535)
        grey = ((wide * 255 + 32767) // 65535).astype(np.uint8)[..., np.newaxis]
        return np.repeat(grey, 3, axis=2) if colour else grey
    if "A" in upright.getbands() or "transparency" in upright.info:
        above = upright.convert("RGBA")
        upright = Image.alpha_composite(Image.new("RGBA", above.size, "white"), above).convert("RGB")
    return np.asarray(upright.convert("RGB" if colour else "L")).reshape(upright.height, upright.width, -1)


def _unreadable(path: Path, error: BaseException) -> DataError:
    why = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
    return DataError(
        f"{path} must be a whole PNG, JPEG or BMP image, got something that cannot be read as such ({why}); write it anew or take it out"
    )


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
