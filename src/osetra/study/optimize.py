"""`osetra.optimize`: tunes any Python function, whatever it computes and in whichever framework.

Knows nothing of: data, networks.
"""

import math
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, cast

from osetra.core.errors import StudyError
from osetra.core.ports import Progress, Store
from osetra.core.records import Study as StudyRecord
from osetra.executors.in_process import InProcess
from osetra.executors.objective import ObjectiveTrial
from osetra.executors.processes import Processes
from osetra.executors.threads import available_cores
from osetra.space.space import Space
from osetra.study.budget import Budget
from osetra.study.budget import seconds as parse_seconds
from osetra.study.closing import close_record
from osetra.study.conclude_objective import conclude_objective
from osetra.study.handle import Study
from osetra.study.interrupt import CtrlC
from osetra.study.objective_loop import Executor, ObjectiveLoop, ObjectivePlan
from osetra.study.objective_setting import ObjectiveSetting, Strategy, decide, require_count
from osetra.study.places import name_and_folder, open_place
from osetra.study.rounds import lag_for


def optimize(
    objective: Callable[[ObjectiveTrial], Any],
    space: Space | Mapping[str, Any],
    *,
    budget: float | str | None = None,
    trials: int | None = None,
    epochs: int | None = None,
    epochs_per_trial: int | None = None,
    direction: str = "minimize",
    strategy: Strategy | None = None,
    first: Mapping[str, Any] | None = None,
    seed: int = 0,
    workers: int | None = None,
    in_process: bool = False,
    time_limit: float | str | None = None,
    folders: str | Path | None = None,
    store: str | Path | Store | None = None,
    study: str | None = None,
    progress: Progress | None = None,
    interrupted: Callable[[], bool] = lambda: False,
) -> Study:
    """Tune a function and return the study; `study.best.params` and `study.best.value` are what it found.

    objective: called with a trial; `trial.params` holds a value for every name of the space. It returns one number; or, with
    `epochs_per_trial`, it calls `trial.report(value, epoch)` after each of its epochs 1, 2, ... and returns when that is False (or when
    `trial.should_stop` is True). What it returns then does not count. A search that pauses trials calls it again later for those that
    did well: `trial.start` says how many epochs it has reported before, and `trial.folder` is a folder of the trial's own in which its
    checkpoint is still there. An objective that ignores both begins anew: its first epochs are trained once more (which takes its time,
    but is not counted again), and where they come to other values than before, the study keeps the first ones and notes the difference.
    `trial.seed` is for its random numbers; those of `random` and `numpy.random` are seeded with it before each call.
    space: a Space, or a mapping of names to scales or fixed values. first: a configuration to try first; what is fixed may be left out.
    budget: seconds, or a text such as "60s" or "10m"; trials, epochs: further bounds. With none of the three: 60 s.
    epochs_per_trial: the most epochs of a trial. direction: minimize or maximize.
    strategy: a word as for `osetra.fit`, such as random or random+asha, or a function that makes a search, such as
    `osetra.search.schedulers`' classes over a sampler. Left out: waves where trials have epochs, else coarse_to_fine.
    workers: processes at a time, by default one a core; each is one thread wide then. A process serves many trials, and is replaced when
    one failed in it. in_process: call the objective in this process, one trial at a time: for debugging, and for functions so quick that
    talking to a process (about a quarter of a millisecond a trial) would cost more.
    time_limit: seconds that a trial may take, all its calls together; one that takes longer has failed, and its process is ended.
    folders: where trials have their folders, which then stay; left out, each is removed when its trial is over.
    store: where the study is kept: a file, a URL, an open store; left out, it lives in memory only.

    An objective that raises, exits, is killed or takes too long is a failed trial with its reason, and its traceback among the events;
    a value that is not finite is a diverged one. Ctrl-C (the first one) ends the study and returns it with what there is. Under a budget
    of trials or epochs the same values give the same study, in any number of processes of up to 6 and whatever time they take; with more
    of them more trials are under way when a decision is made (`facts["lag"]`).

    Raises StudyError if no trial came to a value, and as SpaceError, StudyError, StoreError for what cannot be used.
    """
    began = time.monotonic()
    if not callable(objective):
        raise StudyError(f"an objective must be a function of a trial, got {objective!r:.60}; such as lambda trial: trial.params['x'] ** 2")
    for name, bound in (("trials", trials), ("epochs", epochs), ("workers", workers)):
        if bound is not None:
            require_count(bound, name, "leave it out to use every core" if name == "workers" else "leave it out for no such bound")
    spend = Budget(seconds=None if budget is None else parse_seconds(budget), trials=trials, epochs=epochs)
    limit = _time_limit(time_limit)
    if in_process and (limit is not None or (workers or 1) > 1):
        got = f"time_limit={time_limit!r}" if limit is not None else f"workers={workers}"
        raise StudyError(f"in this process one trial runs at a time and none can be ended, got {got} with in_process; leave one out")
    at_once = 1 if in_process else workers or available_cores()
    setting = decide(
        space, strategy=strategy, first=first, direction=direction, epochs_per_trial=epochs_per_trial, epochs=epochs, trials=trials,
        seed=seed,
    )  # fmt: skip
    target, source = _origin(objective)
    opened = open_place(store)
    try:
        name, _ = name_and_folder(study, f"{target}/", opened, None)
        with _own_folder(folders, name) as folder, closing(_executor(objective, in_process=in_process, workers=at_once)) as executor:
            record = setting.record(
                name, target=target, source=source, workers=at_once, budget=spend,
                more={"lag": lag_for(at_once), "time_limit_s": limit, "in_process": in_process},
            )  # fmt: skip
            plan = ObjectivePlan(
                study=name, seed=setting.seed, epochs_per_trial=setting.epochs_per_trial, maximize=setting.maximize, budget=spend,
                lag=lag_for(at_once), deadline=None if spend.seconds is None else began + spend.seconds, time_limit_s=limit,
                folders=folder, keeps_folders=folders is not None,
            )  # fmt: skip
            told = _Told(progress, record)
            told.notice(_opening(setting, spend, at_once))
            # Nothing was kept so far, so that whatever was wrong leaves nothing behind.
            if opened is None:
                from osetra.store.sql import open_store

                opened = open_store(cast("str | Path", store))
            return _run(plan, record, setting, executor, opened, told, interrupted, in_process=in_process)
    except BaseException:
        if opened is not None and opened is not store:
            opened.close()
        raise


def _run(
    plan: ObjectivePlan,
    record: StudyRecord,
    setting: ObjectiveSetting,
    executor: Executor,
    store: Store,
    progress: Progress,
    interrupted: Callable[[], bool],
    *,
    in_process: bool,
) -> Study:
    store.create_study(record)
    try:
        # In this process Ctrl-C has to reach the objective, which nothing else could stop.
        with nullcontext(None) if in_process else CtrlC() as ctrl_c:
            loop = ObjectiveLoop(
                plan, search=setting.search, executor=executor, store=store, progress=progress,
                interrupted=lambda: interrupted() or (ctrl_c is not None and ctrl_c.came),
            )  # fmt: skip
            found = loop.run()
        return conclude_objective(record, found, store)
    except BaseException as error:
        with suppress(Exception):
            close_record(store, record.name, error)
        raise


class _Told:
    """Hands on what the loop says, with the name of what is tuned; to nobody if there is no one to listen."""

    def __init__(self, progress: Progress | None, record: StudyRecord) -> None:
        self._progress, self._error_name = progress, record.error_name

    def notice(self, text: str) -> None:
        if self._progress is not None:
            self._progress.notice(text)

    def update(self, facts: Mapping[str, Any]) -> None:
        if self._progress is not None:
            self._progress.update({**facts, "error_name": self._error_name, "best_interval": None})


def _executor(objective: Callable[[ObjectiveTrial], Any], *, in_process: bool, workers: int) -> Executor:
    return InProcess(objective) if in_process else Processes(objective, workers=workers)


@contextmanager
def _own_folder(folders: str | Path | None, study: str) -> Iterator[Path]:
    """Where the trials of a study have their folders; removed afterwards if the user named no place. Raises StudyError if it is taken."""
    if folders is None:
        with tempfile.TemporaryDirectory(prefix="osetra-", ignore_cleanup_errors=True) as folder:
            yield Path(folder)
        return
    folder = (Path(folders) / (re.sub(r"[^\w.-]+", "-", study).strip(".-") or "study")).absolute()
    if folder.exists():
        raise StudyError(
            f"the trials of a study need a folder of their own, got {folder}, which is taken; choose another name for the study"
        )
    yield folder


def _origin(objective: Callable[..., Any]) -> tuple[str, str]:
    """What the objective is called, and the module or script that it comes from."""
    name = getattr(objective, "__name__", type(objective).__name__)
    module = getattr(objective, "__module__", None) or "memory"
    if module == "__main__":
        module = Path(getattr(sys.modules["__main__"], "__file__", None) or "a session").name
    return (name if name.isidentifier() else "objective"), module


def _time_limit(time_limit: float | str | None) -> float | None:
    limit = None if time_limit is None else parse_seconds(time_limit)
    if limit is not None and not (math.isfinite(limit) and limit > 0):
        raise StudyError(f"time_limit must be a time > 0, got {time_limit!r}; give for example 30s or 10m")
    return limit


def _opening(setting: ObjectiveSetting, budget: Budget, workers: int) -> str:
    names = ", ".join(setting.space.names) or "nothing"
    each = f", up to {setting.epochs_per_trial} epochs each" if setting.epochs_per_trial else ""
    trials = "1 trial" if workers == 1 else f"{workers} trials"
    return f"Searching {names} ({setting.strategy}): {trials} at a time{each}, budget {budget.in_words()}."
