"""Processes of `faults.py`, how they ended, and what their studies came to beside undisturbed ones.

Knows nothing of: which faults there are.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from faults_studies import STORE, STUDIES, differences, litter, make_rows, peek, told

CHILD = Path(__file__).parent / "faults_child.py"
PATIENCE_S = 120.0


@dataclass(slots=True, kw_only=True)
class Run:
    """A process that has ended."""

    code: int
    """0, 3 for an error of osetra's own, 1 for any other, -9 for one that was killed."""
    said: str
    """On stderr."""
    counts: Mapping[str, int] = field(default_factory=dict)
    work_s: float = 0.0
    """From its first writing to its end."""

    @property
    def killed(self) -> bool:
        return self.code == -9


@dataclass(slots=True, kw_only=True)
class Outcome:
    """Of one fault: what the table shows."""

    fault: str
    tries: int = 0
    killed: int = 0
    equal: int = 0
    """Studies that came to the same; of `ends`."""
    ends: int = 0
    differences: list[str] = field(default_factory=list)

    def add(self, other: "Outcome") -> None:
        for name in ("tries", "killed", "equal", "ends"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.differences += other.differences


@dataclass(slots=True, kw_only=True)
class Whole:
    """A study that nothing happened to."""

    told: dict[str, str]
    run: Run
    bytes: int
    """Of its store."""
    checkpoints: Counter[int]
    """How many there are in the end, by trial."""
    every_checkpoint: bool
    """Whether they are kept however short the training, so that no clock decides which."""


class Process:
    """A child at work in `folder`."""

    def __init__(self, folder: Path, verb: str, study: str, **faults: Any) -> None:
        self._stderr = tempfile.TemporaryFile("w+")  # noqa: SIM115 -- closed in `end`
        told_to = {**(STUDIES[study].faults if study in STUDIES else {}), **faults}
        command = [sys.executable, str(CHILD), verb, study, json.dumps(told_to)]
        self.child = subprocess.Popen(command, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=self._stderr)
        self._began = time.monotonic()

    def until_begun(self) -> None:
        """Until it writes to the store, or has ended."""
        assert self.child.stdout is not None
        self.child.stdout.readline()
        self._began = time.monotonic()

    def kill_after(self, seconds: float) -> None:
        try:
            self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            self.child.kill()

    def end(self) -> Run:
        try:
            out, _ = self.child.communicate(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.communicate()
            return Run(code=1, said=f"still at work after {PATIENCE_S:g} s")
        work_s = time.monotonic() - self._began
        self._stderr.seek(0)
        said = self._stderr.read().strip()
        self._stderr.close()
        lines = out.strip().splitlines()
        counts = json.loads(lines[-1]) if lines and lines[-1].startswith("{") else {}
        return Run(code=self.child.returncode, said=said, counts=counts, work_s=work_s)


def whole_of(name: str, **faults: Any) -> Whole:
    """The study, undisturbed."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        make_rows(folder, STUDIES[name].rows)
        process = Process(folder, "fit", name, **faults)
        process.until_begun()
        run = process.end()
        assert run.code == 0, f"the study {name} does not come to its end undisturbed: {run.said}"
        return Whole(
            told=told(folder),
            run=run,
            bytes=(folder / STORE).stat().st_size,
            checkpoints=checkpoints_in(folder),
            every_checkpoint=STUDIES[name].faults.get("keep_every_s") == 0.0,
        )


def checkpoints_in(folder: Path) -> Counter[int]:
    now = peek(folder)
    return Counter(trial for trial, _ in now["checkpoints"]) if now else Counter()


def verb_for(folder: Path) -> str | None:
    """What a person would do next: fit where no study was begun, resume it, or nothing where it came to its end."""
    now = peek(folder)
    if now is None or not now["studies"]:
        return "fit"
    [row] = now["studies"].values()
    return None if dict(row)["state"] == "finished" else "resume"


def carry_through(folder: Path, name: str, found: Outcome, **faults: Any) -> None:
    """To the end, undisturbed from now on."""
    verb = verb_for(folder)
    if verb is not None:
        run = Process(folder, verb, name, **faults).end()
        if run.code != 0:
            found.differences.append(f"{verb} ended with {run.code}: {run.said[-300:]}")


def compare(folder: Path, whole: Whole, found: Outcome) -> None:
    """Whether it came to the same."""
    found.ends += 1
    try:
        differs = differences(whole.told, told(folder))
    except Exception as error:  # noqa: BLE001 -- whatever cannot be read is a difference
        differs = [f"cannot be read: {error!r}"]
    differs += [f"left beside the model: {name}" for name in litter(folder)]
    if whole.every_checkpoint:
        left = checkpoints_in(folder) - whole.checkpoints
        differs += [f"a checkpoint left of trial {trial}" for trial in left] if left else []
    found.equal += not differs
    found.differences += differs[:5] + ([f"... {len(differs)} in all"] if len(differs) > 5 else [])


class Wholes:
    """Undisturbed studies, each made once."""

    def __init__(self) -> None:
        self._known: dict[str, Whole] = {}

    def __call__(self, name: str) -> Whole:
        if name not in self._known:
            self._known[name] = whole_of(name)
        return self._known[name]
