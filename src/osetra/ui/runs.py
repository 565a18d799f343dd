"""Fits that are started from the browser: `osetra fit`, `resume` and `diagnose --apply`, each a process of its own.

The process is in a session of its own and writes to no pipe, so it lives on when the browser or the dashboard is closed. One at a time:
two searches beside one another only take each other's cores. Values travel as `--option=value` and names behind `--`, so that nothing a
person types is taken for an option.
Knows nothing of: pages, what a fit does.
"""

import contextlib
import os
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path
from threading import RLock
from typing import Any

from osetra.core.errors import StudyError
from osetra.study.places import name_and_folder
from osetra.ui.access import TOKEN_VARIABLE
from osetra.ui.files import Files
from osetra.ui.flags import flags
from osetra.ui.place import Place

OPTIONS = (
    "target", "budget", "trials", "epochs", "epochs_per_trial", "patience", "strategy", "warm_start", "task", "seed", "drop", "sizes",
    "groups", "time", "weights", "class_weight", "workers", "panda", "babysitter", "no_finals", "ensemble", "no_test",
)  # fmt: skip
"""Of `osetra fit`, by their names there; True stands for one without a value, a list for one that is repeated."""
MOST_LOG = 1_000_000
"""Bytes of output that are kept while the dashboard is there."""
TAIL = 20_000
"""Bytes of the end of it that are shown."""
MODELS = "models"
"""The folder for models within the working folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """How a process stands."""

    kind: str
    """fit, resume or apply."""
    study: str
    """That it makes or goes on with; of `apply` the one that it begins from."""
    command: str
    """As it would be typed, in the working folder."""
    began: datetime
    code: int | None
    """Exit code; None: it runs."""
    is_asked_to_stop: bool
    output: str
    """The end of what it printed."""

    @property
    def is_running(self) -> bool:
        return self.code is None

    @property
    def sentence(self) -> str:
        """How it stands, in words."""
        what = {"fit": "The fit", "resume": "The study", "apply": "The next search"}[self.kind]
        if self.code is None:
            return f"{what} is ending" if self.is_asked_to_stop else f"{what} runs"
        if self.code == 0:
            return f"{what} was stopped; the best so far is kept" if self.is_asked_to_stop else f"{what} has ended"
        if self.code in (130, -signal.SIGINT):
            return f"{what} was stopped before there was a model"
        return self.last_words or f"{what} ended with exit code {self.code}"

    @property
    def last_words(self) -> str:
        """What the command said about why it could not be done; empty where it said nothing."""
        lines = [line.strip() for line in self.output.splitlines() if line.strip()]
        said = [line.removeprefix("osetra: ") for line in lines if line.startswith("osetra: ")]
        return said[-1] if said else lines[-1] if lines else ""


class Runs:
    """What this dashboard started last. Any thread may ask."""

    def __init__(self, where: str, files: Files) -> None:
        """where: the store, as given to the dashboard."""
        self._place = Place(where)
        # The command runs in the working folder, from where another relative path leads elsewhere.
        self._store = where if "://" in where else str(Path(where).expanduser().absolute())
        self._files = files
        self._lock = RLock()
        self._now: _Process | None = None

    @property
    def has_any(self) -> bool:
        """Whether one was started; waits for nothing."""
        return self._now is not None

    @property
    def current(self) -> Run | None:
        """The one that runs, or ran last; None: there was none."""
        if not self.has_any:
            return None
        with self._lock:
            return None if self._now is None else self._now.told()

    def start_fit(
        self, data: str, *, study: str | None = None, edits: Mapping[str, str] | None = None, dev: str | None = None,
        test: str | None = None, **options: Any,
    ) -> Run:  # fmt: skip
        """Fit the data of this name in the working folder.

        dev, test: names of tables of their own. edits: ranges or values by hyperparameter, as typed behind `--set`. options: those of
        `OPTIONS`. Raises DataError for what is not in the folder, StudyError for an option that there is not, a name that is taken, and
        while another runs.
        """
        path = self._files.path(data)
        arguments = [f"--dev={self._files.path(dev)}"] if dev else []
        arguments += [f"--test={self._files.path(test)}"] if test else []
        for name, value in options.items():
            if name not in OPTIONS:
                raise StudyError(f"an option must be one of {', '.join(OPTIONS)}, got {name!r}; leave it out")
            arguments += flags(name, value)
        arguments += [f"--set={name}={value}" for name, value in (edits or {}).items()]
        with self._lock:
            self._require_none()
            store = self._place.store() if self._place.exists() else None
            source = f"{path.name}/" if path.is_dir() else path.name
            models = self._files.root / MODELS
            named, _ = name_and_folder(study or None, source, store, models)
            return self._start("fit", named, ["fit", f"--study={named}", f"--models={models}", *arguments], str(path))

    def resume(self, study: str) -> Run:
        """Go on with a study that broke off. Raises StudyError for an unknown one, and while another runs."""
        with self._lock:
            self._require_none()
            self._place.store().study(study)
            return self._start("resume", study, ["resume"], study)

    def apply(self, study: str, *, budget: str | None = None, until: str | None = None) -> Run:
        """Run the next search that the verdict on a study asks for, as `osetra diagnose --apply`. Raises as `resume`."""
        with self._lock:
            self._require_none()
            self._place.store().study(study)
            arguments = [*flags("budget", budget), *(flags("until", until) or ["--apply"])]
            return self._start("apply", study, ["diagnose", *arguments], study)

    def stop(self) -> None:
        """Ask the one that runs to end, as Ctrl-C does: a fit keeps the best so far. Nothing happens where none runs."""
        with self._lock:
            if self._now is not None:
                self._now.stop()

    def close(self) -> None:
        """Let go of what runs, which goes on."""
        with self._lock:
            if self._now is not None:
                self._now.close()
                self._now = None

    def _require_none(self) -> None:
        if self._now is not None and self._now.told().is_running:
            raise StudyError(f"one fit at a time can be started here, and {self._now.study!r} still runs; wait for its end or stop it")

    def _start(self, kind: str, study: str, arguments: Sequence[str], positional: str) -> Run:
        if self._now is not None:
            self._now.close()
        self._now = _Process(kind, study, [*arguments, f"--store={self._store}", "--", positional], self._files.root)
        return self._now.told()


class _Process:
    """A command that runs, and its output."""

    def __init__(self, kind: str, study: str, arguments: Sequence[str], folder: Path) -> None:
        self.study, self._kind = study, kind
        self._command = shlex.join(["osetra", *arguments])
        self._began, self._asked = datetime.now(UTC), False
        self._log, output = _log()
        try:
            # -P: a module of the working folder must not take the place of one of Python's.
            self._process = subprocess.Popen(  # noqa: S603 -- no shell; values cannot be options
                [sys.executable, "-P", "-m", "osetra", *arguments],
                cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
                env={name: value for name, value in os.environ.items() if name not in (TOKEN_VARIABLE, "OSETRA_STORE")},
            )  # fmt: skip
        except OSError as error:
            self._log.close()
            raise StudyError(f"a fit needs a process of its own, which cannot be started ({error.strerror or error}); try again") from error
        finally:
            os.close(output)

    def told(self) -> Run:
        return Run(
            kind=self._kind, study=self.study, command=self._command, began=self._began, code=self._process.poll(),
            is_asked_to_stop=self._asked, output=self._tail(),
        )  # fmt: skip

    def stop(self) -> None:
        if self._process.poll() is None:
            self._asked = True
            self._process.send_signal(signal.SIGINT)

    def close(self) -> None:
        self._log.close()

    def _tail(self) -> str:
        size = os.fstat(self._log.fileno()).st_size
        self._log.seek(max(0, size - TAIL))
        told = self._log.read(TAIL) or b""
        if size > MOST_LOG:
            # Both sides write at its end, wherever that is, so it can be begun anew meanwhile.
            self._log.truncate(0)
            self._log.write(told)
        return told.decode("utf-8", errors="replace")


def _log() -> tuple[FileIO, int]:
    """A file without a name, to read and begin anew, and a descriptor that writes at its end."""
    made, name = tempfile.mkstemp(prefix="osetra-run-")
    os.close(made)
    kept = FileIO(os.open(name, os.O_RDWR | os.O_APPEND), "r+")
    output = os.open(name, os.O_WRONLY | os.O_APPEND)
    # Where a file that is open cannot be removed, the system's cleaning of temporary files does it.
    with contextlib.suppress(OSError):
        Path(name).unlink()
    return kept, output
