"""Where the trials of a study of an objective have their folders, and at which epoch a trial's folder stands.

A folder that stays (the user named its place) outlives the process that tunes. Of one in which a trial was at work when that process died
nobody knows how far its checkpoint is; so only a folder that was marked when its call ended is taken up again.
Knows nothing of: objectives, the store.
"""

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from osetra.core.errors import StudyError

MARK = ".waits-at-epoch"
"""A file in the folder of a trial that waits, with the epochs completed; gone while the objective is called."""


class TrialFolders:
    """Folders of trials by number, made by objectives when they first ask for them."""

    def __init__(self, root: Path, *, stay: bool) -> None:
        """stay: the folder of a trial stays when the trial is over."""
        self._root, self._stay = root, stay

    @property
    def place(self) -> str | None:
        """Where they stay; None where they do not."""
        return str(self._root) if self._stay else None

    def of(self, number: int) -> Path:
        return self._root / f"trial-{number}"

    def stands_at(self, number: int) -> int:
        """The epoch that a trial of an earlier run waits at in its folder; 0 where there is none to go on from."""
        try:
            return int((self.of(number) / MARK).read_text(encoding="ascii"))
        except (OSError, ValueError):
            return 0

    def open(self, number: int, *, start: int) -> None:
        """The objective is called now, from epoch `start` on."""
        if start == 0:
            # An earlier run may have begun the trial, and been killed before that was recorded.
            shutil.rmtree(self.of(number), ignore_errors=True)
        elif self._stay:
            (self.of(number) / MARK).unlink(missing_ok=True)

    def wait(self, number: int, epoch: int) -> None:
        """Its call has ended; it may be called again, from `epoch` on."""
        if self._stay and self.of(number).is_dir():
            # A folder that cannot be marked is one to begin anew in.
            with suppress(OSError):
                (self.of(number) / MARK).write_text(str(epoch), encoding="ascii")

    def over(self, number: int) -> None:
        if not self._stay:
            shutil.rmtree(self.of(number), ignore_errors=True)


@contextmanager
def trial_folders(place: str | Path | None, study: str, *, known: str | None = None) -> Iterator[TrialFolders]:
    """The folders of a study; removed afterwards if the user named no place.

    known: where a study that goes on has them already. Raises StudyError for another folder that is taken.
    """
    if place is None:
        with tempfile.TemporaryDirectory(prefix="osetra-", ignore_cleanup_errors=True) as root:
            yield TrialFolders(Path(root), stay=False)
        return
    root = study_folder(place, study)
    if root.exists() and str(root) != known:
        raise StudyError(f"the trials of a study need a folder of their own, got {root}, which is taken; choose another name for the study")
    yield TrialFolders(root, stay=True)


def study_folder(place: str | Path, study: str) -> Path:
    return (Path(place) / (re.sub(r"[^\w.-]+", "-", study).strip(".-") or "study")).absolute()
