"""The faults of `faults.py` that are no kills: the disk, the store, the clock, other processes; and what checkpoints cost.

Knows nothing of: kills, the table.
"""

import os
import shutil
import sqlite3
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from faults_runs import Outcome, Process, Run, Wholes, carry_through, compare, whole_of
from faults_studies import FILES, STORE, STUDIES, lost, make_rows, peek, told

STUDY = "waves"
SLOW: Mapping[str, Any] = {"epoch_s": 0.02}
"""So that a study lasts a second or two more."""


@contextmanager
def place(size: str | None = None) -> Iterator[Path]:
    """A folder with the rows; with `size`, a file system of its own, where root may make one."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        if size is not None:
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", made], check=True)
        try:
            make_rows(folder, STUDIES[STUDY].rows)
            yield folder
        finally:
            if size is not None:
                subprocess.run(["umount", made], check=True)


def remount(folder: Path, option: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{option}", str(folder)], check=True)


def refused(found: Outcome, run: Run, *words: str) -> None:
    """An error of osetra's own, and it says so."""
    if run.code != 3 or not any(word in run.said for word in words):
        expected = " or ".join(map(repr, words))
        found.differences.append(f"expected an error with {expected}, got {run.code}: {run.said[-400:] or 'nothing said'}")


def go_on(folder: Path, wholes: Wholes, found: Outcome, before: Any, **faults: Any) -> None:
    """The fault is over: nothing was lost, and the study comes to where it would have come."""
    found.differences += [f"lost: {what}" for what in lost(before, peek(folder))]
    carry_through(folder, STUDY, found, **faults)
    compare(folder, wholes(STUDY), found)


def killed_midway(folder: Path, wholes: Wholes, generator: np.random.Generator, found: Outcome, **faults: Any) -> Any:
    """A fit is killed; what its store holds."""
    process = Process(folder, "fit", STUDY, **faults)
    process.until_begun()
    process.kill_after(generator.uniform(0.3, 0.8) * wholes(STUDY).run.work_s)
    found.tries, found.killed = found.tries + 1, found.killed + process.end().killed
    return peek(folder)


def disk_full(wholes: Wholes, generator: np.random.Generator, found: Outcome) -> None:
    if os.geteuid() != 0:
        found.differences.append("left out: only root may mount a file system")
        return
    for _ in range(4):
        with place("64m") as folder:
            used = shutil.disk_usage(folder).used
            remount(folder, f"size={used + int(generator.uniform(20_000, 0.9 * wholes(STUDY).bytes))}")
            run = Process(folder, "fit", STUDY).end()
            found.tries += 1
            refused(found, run, "the disk is full", "No space left", "has space left")
            before = peek(folder)
            remount(folder, "size=64m")
            go_on(folder, wholes, found, before)


def no_room_for_files(wholes: Wholes, generator: np.random.Generator, found: Outcome) -> None:
    for _ in range(4):
        with place() as folder:
            limit = int(generator.uniform(20_000, 0.9 * wholes(STUDY).bytes))
            run = Process(folder, "fit", STUDY, file_bytes=limit).end()
            found.tries += 1
            refused(found, run, "the disk is full", "File too large", "has space left")
            go_on(folder, wholes, found, peek(folder))


def read_only(wholes: Wholes, generator: np.random.Generator, found: Outcome) -> None:
    is_root = os.geteuid() == 0
    with place("64m" if is_root else None) as folder:
        before = killed_midway(folder, wholes, generator, found)
        if is_root:
            remount(folder, "ro")
        else:
            for path in (*folder.iterdir(), folder):
                path.chmod(0o555 if path.is_dir() else 0o444)
        refused(found, Process(folder, "resume", STUDY).end(), "written to")
        if is_root:
            remount(folder, "rw")
        else:
            for path in (folder, *folder.iterdir()):
                path.chmod(0o755 if path.is_dir() else 0o644)
        go_on(folder, wholes, found, before)


def locked(wholes: Wholes, generator: np.random.Generator, found: Outcome) -> None:
    """Another program holds the store: longer than is waited for, which is an error, and shorter, which is none."""
    for is_long in (True, False, True, False):
        with place() as folder:
            process = Process(folder, "fit", STUDY, lock_timeout_s=0.5 if is_long else 30.0, **SLOW)
            process.until_begun()
            time.sleep(generator.uniform(0.3, 1.0))
            with closing(sqlite3.connect(folder / STORE, isolation_level=None, timeout=10)) as other:
                other.execute("BEGIN EXCLUSIVE")
                before = peek(folder)
                if not is_long:
                    time.sleep(1.0)
                    other.execute("ROLLBACK")
                run = process.end()
            found.tries += 1
            if is_long:
                refused(found, run, "another process is writing to it")
                go_on(folder, wholes, found, before)
            else:
                found.differences += [f"ended with {run.code}: {run.said[-300:]}"] if run.code else []
                compare(folder, wholes("waves"), found)


def gone(wholes: Wholes, generator: np.random.Generator, found: Outcome) -> None:
    """The store is moved away under the study, then put back; then it is deleted for good."""
    for is_put_back in (True, True, False):
        with place() as folder:
            process = Process(folder, "fit", STUDY, **SLOW)
            process.until_begun()
            time.sleep(generator.uniform(0.2, 1.2))
            (folder / "away").mkdir()
            before = peek(folder)
            for name in FILES:
                with suppress(FileNotFoundError):
                    (folder / name).rename(folder / "away" / name)
            run = process.end()
            found.tries += 1
            refused(found, run, "moved or deleted")
            if (folder / STORE).exists():
                found.differences.append("another store was made in its place")
            if is_put_back:
                for path in list((folder / "away").iterdir()):
                    path.rename(folder / path.name)
                go_on(folder, wholes, found, before)


def clock(wholes: Wholes, generator: np.random.Generator, found: Outcome) -> None:
    """Two hours back while a study is fitted, which is killed or not; what resumes it lives by the earlier time."""
    for _ in range(2):
        with place() as folder:
            back = {"clock_back_s": 7200, "clock_after_s": generator.uniform(2.0, 4.0)}
            before = killed_midway(folder, wholes, generator, found, **back, **SLOW)
            go_on(folder, wholes, found, before, clock_back_s=7200, clock_after_s=0.0)
        with place() as folder:
            run = Process(folder, "fit", STUDY, **back).end()
            found.tries += 1
            found.differences += [f"ended with {run.code}: {run.said[-300:]}"] if run.code else []
            compare(folder, wholes(STUDY), found)


def second_process(wholes: Wholes, generator: np.random.Generator, found: Outcome) -> None:
    with place() as folder:
        first = Process(folder, "fit", STUDY, epoch_s=0.15)
        first.until_begun()
        time.sleep(generator.uniform(0.2, 1.0))
        for verb, words in (("resume", "one writer"), ("fit", "is taken")):
            refused(found, Process(folder, verb, STUDY).end(), words)
            found.tries += 1
        if first.child.poll() is not None:
            found.differences.append("the first process had ended already")
        run = first.end()
        found.differences += [f"the first ended with {run.code}: {run.said[-300:]}"] if run.code else []
        compare(folder, wholes(STUDY), found)


def nan(wholes: Wholes, generator: np.random.Generator, found: Outcome) -> None:
    """The weights of one trial become NaN: it diverges, no other is touched; and killed, it comes to the same."""
    injected = {"nan": [3, 4]}
    whole, clean = whole_of("trials", **injected), wholes("trials").told
    of_others = {what for what in clean if what.startswith("trial ") and not what.startswith("trial 3:")}
    found.tries += 1
    if whole.told["trial 3: state"] != "<TrialState.DIVERGED: 'diverged'>":
        found.differences.append(f"trial 3 is {whole.told['trial 3: state']}, {whole.told['trial 3: reason']}")
    found.differences += [f"of another trial: {what}" for what in sorted(of_others) if whole.told.get(what) != clean[what]]
    for _ in range(2):
        with place() as folder:
            process = Process(folder, "fit", "trials", **injected)
            process.until_begun()
            process.kill_after(generator.uniform(0.1, 0.9) * whole.run.work_s)
            found.tries, found.killed = found.tries + 1, found.killed + process.end().killed
            carry_through(folder, "trials", found, **injected)
            compare(folder, whole, found)


def worker_dies(_wholes: Wholes, _generator: np.random.Generator, found: Outcome) -> None:
    """The process of one trial of an objective is killed: that trial failed, and the others are what they would have been."""
    tales = []
    for dies in (None, 5):
        with place() as folder:
            run = Process(folder, "optimize", "parabola", worker_dies=dies).end()
            found.tries += 1
            found.killed += dies is not None
            found.differences += [f"ended with {run.code}: {run.said[-300:]}"] if run.code else []
            tales.append(told(folder, name="parabola"))
    clean, other = tales
    found.ends += 1
    touched = [what for what in clean if what.startswith("trial ") and not what.startswith("trial 5:") and other.get(what) != clean[what]]
    found.differences += [f"of another trial: {what}" for what in touched]
    if "FAILED" not in other["trial 5: state"]:
        found.differences.append(f"trial 5 is {other['trial 5: state']}")
    found.equal += not touched


def damaged_checkpoint(wholes: Wholes, generator: np.random.Generator, found: Outcome) -> None:
    """Bytes of every checkpoint are changed between a kill and the resume: those trials are trained anew."""
    for _ in range(3):
        with place() as folder:
            process = Process(folder, "fit", "checkpoints")
            process.until_begun()
            process.kill_after(generator.uniform(0.3, 0.8) * wholes("checkpoints").run.work_s)
            found.tries, found.killed = found.tries + 1, found.killed + process.end().killed
            with closing(sqlite3.connect(folder / STORE)) as connection:
                changed = connection.execute("UPDATE checkpoint_data SET data = zeroblob(100)").rowcount
                connection.commit()
            if not changed:
                found.differences.append("there was no checkpoint to damage")
            carry_through(folder, "checkpoints", found)
            compare(folder, wholes("checkpoints"), found)


OTHERS: Mapping[str, Callable[[Wholes, np.random.Generator, Outcome], None]] = {
    "disk full": disk_full,
    "files may not grow": no_room_for_files,
    "read-only store": read_only,
    "store locked by another program": locked,
    "store moved or deleted": gone,
    "clock put back": clock,
    "second process on the same study": second_process,
    "NaN in the weights of a trial": nan,
    "worker process killed": worker_dies,
    "checkpoints damaged": damaged_checkpoint,
}


def overhead(data: Path, *, repeats: int = 5) -> dict[str, Any]:
    """Seconds of the same training with checkpoints as they are, ten times as often, and with none; taken in turn."""
    import osetra
    import osetra.study.keeping as keeping

    arms = {"as is": keeping.KEEP_EVERY_S, "ten times as often": keeping.KEEP_EVERY_S / 10, "none": float("inf")}
    seconds: dict[str, list[float]] = {name: [] for name in arms}
    written: dict[str, int] = {}
    for turn in range(repeats + 1):
        for name, every_s in arms.items():
            keeping.KEEP_EVERY_S = every_s
            with tempfile.TemporaryDirectory() as folder:
                study = osetra.fit(
                    data / "adult.csv.gz", "income", epochs=150, epochs_per_trial=75, trials=4, strategy="sobol", patience=0,
                    store=Path(folder) / STORE, seed=1,
                )  # fmt: skip
                # The first turn warms up.
                if turn:
                    seconds[name].append(study.facts["seconds"])
                written[name] = len(study.store.checkpoints(study.name))
                study.store.close()
    median = {name: statistics.median(of) for name, of in seconds.items()}
    for name in arms:
        share = 100 * (median[name] / median["none"] - 1)
        print(f"{name:<20} {median[name]:7.2f} s   {share:+.2f} %   {written[name]} checkpoints at the end")
    return {"seconds": seconds, "median": median, "checkpoints": written}
