"""What an objective is handed, and one call of it: the same in this process and in another.

    def objective(trial):
        model = load(trial.folder) if trial.start else build(trial.params)
        for epoch in range(trial.start + 1, trial.epochs + 1):
            dev_error = train_an_epoch(model)
            save(model, trial.folder)
            if not trial.report(dev_error, epoch):
                return

Whatever it raises, returns or reports comes out as messages.
Knows nothing of: where it runs, who decides, the store.
"""

import math
import random
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from osetra.core.errors import StudyError
from osetra.core.records import Configuration

LONGEST_TEXT = 4_000
"""Characters of a traceback that are kept, its end, and of a reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One stretch of one trial, for an objective to carry out."""

    number: int
    configuration: Configuration
    start: int
    """Epochs reported before."""
    until: int
    """Epochs reported after."""
    epochs: int | None
    """The most epochs of a trial; None where an objective returns its one value."""
    seed: int
    folder: str
    """Made when it is first asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Began:
    """The objective is called now."""

    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """It reported a value."""

    number: int
    epoch: int
    value: float
    seconds: float
    """Since the last report, or since the call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The call is over."""

    number: int
    value: float | None = None
    """Returned, by an objective that reported nothing."""
    seconds: float = 0.0
    failure: str = ""
    """What went wrong, in words; empty if nothing did."""
    traceback: str = ""
    is_misuse: bool = False
    """It would go wrong in every trial, whatever its configuration."""
    is_interrupt: bool = False
    """Ctrl-C reached it."""


Message: TypeAlias = Began | Reported | Ended


class StopObjective(BaseException):
    """No error: it unwinds an objective that reports on after it was told to stop. `except Exception` lets it pass."""


class ObjectiveTrial:
    """A trial as its objective sees it. Valid while the objective runs."""

    def __init__(self, call: Call, send: Callable[[Message], None], told_to_stop: Callable[[], bool]) -> None:
        self._call, self._send, self._told_to_stop = call, send, told_to_stop
        self._last: int | None = None
        """The epoch reported last in this call."""
        self._is_over = False
        self._was_told = False
        """Whether the objective knows that it should return."""
        self.is_misused = False
        """Whether it was used as it cannot be in this study."""
        self._at = time.perf_counter()
        self.params: Mapping[str, Any] = dict(call.configuration)
        """The value of every hyperparameter, by name."""
        self.number: int = call.number
        """In its study, from 0."""
        self.start: int = call.start
        """Epochs reported in earlier calls: 0 in the first one, more where the trial was paused and goes on."""
        self.epochs: int = call.epochs or 1
        """The most epochs that a trial may have, over which a learning-rate schedule is laid out."""
        self.seed: int = call.seed
        """Below 2^32; follows from the study's seed and the trial's number alone, and is the same in every call."""

    @property
    def folder(self) -> Path:
        """A folder of its own, that is there again in every later call of this trial: for checkpoints."""
        folder = Path(self._call.folder)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @property
    def should_stop(self) -> bool:
        """Whether the objective should return now: its stretch is done, its value is not finite, or the study ends."""
        self._was_told = self._was_told or self._is_over or self._told_to_stop()
        return self._was_told

    @property
    def has_reported(self) -> bool:
        """Whether `report` was called in this call of the objective."""
        return self._last is not None

    def report(self, value: float, epoch: int) -> bool:
        """Tell the value after so many epochs (1, 2, ...); True: go on, False: return now.

        An objective that reports once more after a False is left through an exception that `except Exception` does not catch. Epochs of
        earlier calls may be reported again, from any of them on; they are not counted twice. Raises StudyError for a value that is no
        number, for an epoch that comes twice, too early or too late, and in a study whose trials have no epochs.
        """
        if self._call.epochs is None:
            self.is_misused = True
            raise StudyError(
                f"report needs a study whose trials have epochs, got {value!r} after epoch {epoch!r}; "
                "give epochs_per_trial, the most epochs of a trial, or return one value and report none"
            )
        if self._was_told and self.has_reported:
            raise StopObjective
        number = as_number(value, f"the value reported after epoch {epoch!r}")
        self._check_epoch(epoch)
        self._last, now = int(epoch), time.perf_counter()
        self._send(Reported(number=self.number, epoch=int(epoch), value=number, seconds=now - self._at))
        self._at = now
        self._is_over = epoch >= self._call.until or not math.isfinite(number)
        return not self.should_stop

    def _check_epoch(self, epoch: Any) -> None:
        if isinstance(epoch, bool) or not hasattr(type(epoch), "__index__"):
            raise StudyError(f"the epoch of a report must be a whole number, got {epoch!r}; count epochs 1, 2, 3 ...")
        if self._last is not None and epoch != self._last + 1:
            when = "twice" if epoch == self._last else "after a later one" if epoch < self._last else "too early"
            raise StudyError(
                f"epochs must be reported one after another, epoch {self._last + 1} next, got epoch {epoch}, which comes {when}; "
                "report every epoch once"
            )
        if self._last is None and not 1 <= epoch <= self.start + 1:
            first = f"epoch {self.start + 1}, or an earlier one done over again" if self.start else "epoch 1"
            raise StudyError(f"the first report of this call must be of {first}, got epoch {epoch}; count epochs from 1")


def run(
    objective: Callable[[Any], Any],
    call: Call,
    send: Callable[[Message], None],
    told_to_stop: Callable[[], bool] = lambda: False,
) -> None:
    """Call an objective and send what becomes of it: `Began`, every report, `Ended`.

    Python's and NumPy's global random numbers begin at the trial's seed and are afterwards where they were before.
    """
    send(Began(number=call.number))
    trial = ObjectiveTrial(call, send, told_to_stop)
    began, value, ended = time.perf_counter(), None, {}
    try:
        with _seeded(call.seed):
            value = objective(trial)
        value = None if trial.has_reported else _returned(value, trial)
    except StopObjective:
        pass
    except KeyboardInterrupt:
        ended = {"failure": "interrupted by Ctrl-C or its signal", "is_interrupt": True}
    except BaseException as error:  # noqa: BLE001 -- whatever an objective raises, sys.exit included, is data
        ended = {"failure": _in_words(error), "traceback": _traceback(error), "is_misuse": trial.is_misused}
        value = None
    send(Ended(number=call.number, value=value, seconds=time.perf_counter() - began, **ended))


def _returned(value: Any, trial: ObjectiveTrial) -> float | None:
    # One that goes on may find that there is nothing left to do.
    if value is None and (trial.start or trial.should_stop):
        return None
    return as_number(value, "what the objective returns, where it reports nothing,")


def as_number(value: Any, what: str) -> float:
    """A float of whatever is one number, NumPy's and PyTorch's too. Raises StudyError, naming `what`, for anything else."""
    if not isinstance(value, str | bytes | bool):
        try:
            return float(value)
        except Exception:  # noqa: BLE001, S110 -- whatever a foreign type's conversion raises, it is no number
            pass
    raise StudyError(f"{what} must be a number, got {value!r:.60}; give a float such as the dev error")


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    import numpy as np

    python_s, numpy_s = random.getstate(), np.random.get_state()  # noqa: NPY002 -- the global one is what objectives may use
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    try:
        yield
    finally:
        random.setstate(python_s)
        np.random.set_state(numpy_s)  # noqa: NPY002


def _in_words(error: BaseException) -> str:
    """The exception's type and its last line."""
    try:
        lines = str(error).strip().splitlines()
    except Exception:  # noqa: BLE001 -- a foreign exception may not even be able to say what it is
        lines = []
    return _plain(f"{type(error).__name__}: {lines[-1].strip()}" if lines else type(error).__name__)


def _traceback(error: BaseException) -> str:
    # Without the frame that is ours.
    inner = error.__traceback__.tb_next if error.__traceback__ else None
    return _plain("".join(traceback.format_exception(type(error), error, inner)))


def _plain(text: str) -> str:
    """What every store can keep: valid Unicode without NUL."""
    text = text if len(text) <= LONGEST_TEXT else "... " + text[-LONGEST_TEXT:]
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")
