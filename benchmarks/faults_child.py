"""One process of `faults.py`: fits, resumes or migrates in a folder of its own, and on the way does to itself what it was asked to.

    python faults_child.py VERB STUDY FAULTS      with FAULTS a JSON object, in the folder that holds rows.csv

Says `begun` when it first writes to the store, and, at its end, how many statements it sent there and how many files it touched among the
models. Ends with 0 if all went well, with 3 and the error's text where osetra raised an error of its own. Any other exception
is a traceback, and 1.
"""

import datetime
import importlib
import json
import os
import resource
import signal
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

COUNTS = {"statements": 0, "files": 0}
_kill: dict[str, Any] = {}
_said: list[str] = []


def main() -> None:
    verb, study, faults = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
    _kill.update(faults.get("kill", {}))
    if "clock_back_s" in faults:
        # Their compiled code holds on to the clock's type as it was.
        for name in ("numba", "pandas", "pyarrow", "scipy.stats"):
            importlib.import_module(name)
        put_clock_back(faults["clock_back_s"], after_s=faults["clock_after_s"])
    watch_statements(about=_kill.get("about", ""))
    sys.addaudithook(watch_files)
    if "file_bytes" in faults:
        resource.setrlimit(resource.RLIMIT_FSIZE, (faults["file_bytes"],) * 2)
    from osetra.core.errors import OsetraError

    try:
        if verb == "migrate":
            from osetra.store.sql import open_store

            open_store("old.db").close()
        elif verb == "optimize":
            optimize(study, faults.get("worker_dies"))
        else:
            sabotage(faults)
            train(verb, study, faults)
    except OsetraError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        sys.exit(3)
    print(json.dumps(COUNTS), flush=True)


def train(verb: str, study: str, faults: dict[str, Any]) -> None:
    from faults_studies import NAME, STORE, STUDIES, Person

    import osetra
    from osetra.store.sql import open_store

    store: Any = STORE
    if "lock_timeout_s" in faults or "steered" in faults:
        store = open_store(STORE, lock_timeout_s=faults.get("lock_timeout_s", 30.0))
    progress = Person(store) if "steered" in faults else None
    if verb == "fit":
        osetra.fit("rows.csv", store=store, study=NAME, models="models", workers=2, progress=progress, **STUDIES[study].options)
    else:
        osetra.resume(NAME, store, workers=2, progress=progress)


def optimize(study: str, dies: int | None) -> None:
    """An objective of which one trial's process is killed from within."""
    from faults_studies import STORE, Parabola

    import osetra

    space = {"x": osetra.linear(-1.0, 1.0)}
    osetra.optimize(Parabola(dies), space, trials=12, strategy="sobol", seed=4, workers=2, store=STORE, study=study)


def sabotage(faults: dict[str, Any]) -> None:
    if "keep_every_s" in faults:
        import osetra.study.keeping

        osetra.study.keeping.KEEP_EVERY_S = faults["keep_every_s"]
    if "flush_s" in faults:
        import osetra.study.loop

        osetra.study.loop.FLUSH_S = faults["flush_s"]
    if "nan" in faults:
        put_nan(*faults["nan"])
    if "epoch_s" in faults:
        slow_down(faults["epoch_s"])


def watch_statements(about: str) -> None:
    """Count what is sent to the store, reading apart; be killed between two of them, or just before what they did is made to last."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    def count(statement: str) -> None:
        if "begun" not in _said:
            _said.append("begun")
            print("begun", flush=True)
        if about in statement:
            COUNTS["statements"] += 1
            die_at("statement", COUNTS["statements"])

    @event.listens_for(Engine, "after_cursor_execute")
    def executed(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if not statement.lstrip().upper().startswith(("SELECT", "PRAGMA")):
            count(statement)

    @event.listens_for(Engine, "commit")
    def commits(_connection: Any) -> None:
        count(f"COMMIT {about}")


def watch_files(name: str, given: tuple[Any, ...]) -> None:
    """Count what is done to the files of models; be killed just before the n-th."""
    if name in ("os.rename", "os.mkdir", "os.rmdir", "os.remove", "open") and f"{os.sep}models{os.sep}" in str(given[0]):
        COUNTS["files"] += 1
        die_at("file", COUNTS["files"])


def die_at(what: str, number: int) -> None:
    if _kill.get(what) == number:
        os.kill(os.getpid(), signal.SIGKILL)


def put_clock_back(by_s: float, *, after_s: float) -> None:
    """Every clock that tells the time of day goes back by so much, once, so long after the process began."""
    began, now, now_ns, real = time.monotonic(), time.time, time.time_ns, datetime.datetime

    def offset() -> float:
        return by_s if time.monotonic() - began > after_s else 0.0

    class OfEither(type):
        def __instancecheck__(cls, given: object) -> bool:
            return isinstance(given, real)

    class Shifted(real, metaclass=OfEither):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return real.now(tz) - datetime.timedelta(seconds=offset())

    time.time = lambda: now() - offset()
    time.time_ns = lambda: now_ns() - int(offset() * 1e9)
    datetime.datetime = Shifted


def put_nan(trial: int, epoch: int) -> None:
    """Just before an epoch of a trial its weights become NaN."""
    from osetra.engines.native.engine import NativeEngine

    advance = NativeEngine.advance

    def poisoned(self: Any, members: Any, *given: Any, **named: Any) -> Any:
        for member in members:
            if member.seed.trial == trial and member.state.epoch == epoch - 1:
                member.state.parameters[:] = float("nan")
        return advance(self, members, *given, **named)

    NativeEngine.advance = poisoned


def slow_down(epoch_s: float) -> None:
    """Every epoch takes so much longer, so that others can meddle meanwhile."""
    from osetra.engines.native.engine import NativeEngine

    advance = NativeEngine.advance

    def slower(self: Any, *given: Any, **named: Any) -> Any:
        time.sleep(epoch_s)
        return advance(self, *given, **named)

    NativeEngine.advance = slower


if __name__ == "__main__":
    main()
