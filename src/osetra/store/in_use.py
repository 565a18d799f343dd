"""Files that this process has had open as databases, which nothing but SQLite may open from then on.

POSIX drops all locks that a process holds on a file as soon as it closes any descriptor of it, also one that another part of the program
had opened just to look. Another process then takes a database in use for one that is not, removes its log, and damages it.
Source: How To Corrupt An SQLite Database File, 2.2, sqlite.org/howtocorrupt.html.
Knows nothing of: stores.
"""

from pathlib import Path

_files: set[tuple[int, int]] = set()


def note(file: tuple[int, int]) -> None:
    """A file, by device and inode, is open as a database, or was."""
    _files.add(file)


def is_in_use(path: Path) -> bool:
    """Whether the file that lies at a path may be. Raises OSError where there is none."""
    found = path.stat()
    return (found.st_dev, found.st_ino) in _files
