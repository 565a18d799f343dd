"""B6: what becomes of studies that are killed and of stores that fail. Each must end equal to the study that nothing happened to.

    python benchmarks/faults.py --kills 200 --seed 0 --out benchmarks/results/faults.json

Processes are killed (kill -9) at moments drawn over their work, between statements of a transaction, or between two steps of saving a
model; then resumed, killed again, and resumed to the end. Killed are fits, resumes, the writing of checkpoints, the migration of a
store and the saving of models. Then come the other faults: no room on the disk, no right to write, a lock, a store that is gone, a clock
put back, NaN, a second process, a worker that dies, a damaged checkpoint.

Equal means: every trial, every number of every curve, every event, the bytes of the weights and the test error; seconds and times
apart. After every kill the store must be sound and hold all that it held before. Of a budget in seconds only that is asked, and that
the study comes to its end.

    python benchmarks/faults.py --overhead FOLDER     what checkpoints cost, in percent of the training time of FOLDER/adult.csv.gz

A kill takes about 4 s, so 200 take about a quarter of an hour on a quiet machine. Where this runs as root, the full disk and the one that
cannot be written to are a small tmpfs of their own; elsewhere a limit to the size of files, and permissions.
"""

import argparse
import json
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from faults_others import OTHERS, overhead
from faults_runs import Outcome, Process, Run, Whole, Wholes, carry_through, compare, verb_for
from faults_studies import STUDIES, lost, make_rows, peek, told, wrongly_steered

GOLDEN = Path(__file__).parents[1] / "tests" / "store" / "golden" / "osetra_0001.sqlite"


@dataclass(frozen=True, slots=True, kw_only=True)
class Killing:
    """Of one kind of work: which study, and what kills may come in a row."""

    study: str
    ways: tuple[str, ...] = ("moment", "moment", "statement")
    in_a_row: int = 3
    about: str = ""
    share: float
    """Of all kills."""


KILLINGS = {
    "fit": Killing(study="waves", ways=("moment",), in_a_row=1, share=20),
    "resume, again and again": Killing(study="waves", in_a_row=5, share=45),
    "writing of checkpoints": Killing(study="checkpoints", ways=("statement", "moment"), about="checkpoint", in_a_row=4, share=40),
    "ladder and ensemble": Killing(study="ensemble", share=18),
    "finals": Killing(study="finals", share=15),
    "regression": Killing(study="regression", share=12),
    "sobol+asha": Killing(study="sobol+asha", share=15),
    "budget in seconds": Killing(study="seconds", in_a_row=2, share=8),
    "set, rollback, branch": Killing(study="steered", share=20),
    "saving of the model": Killing(study="waves", ways=("file",), in_a_row=3, share=15),
}
MIGRATION, MIGRATION_SHARE = "migration of a store of version 1", 20


def killed_run(folder: Path, verb: str, killing: Killing, whole: Whole, generator: np.random.Generator) -> Run:
    way = killing.ways[generator.integers(len(killing.ways))]
    if way == "moment":
        process = Process(folder, verb, killing.study)
        # One in eight comes before anything is written.
        if generator.random() > 1 / 8:
            process.until_begun()
            process.kill_after(generator.uniform(0.0, whole.run.work_s))
        else:
            process.kill_after(generator.uniform(0.0, 3.0))
        return process.end()
    most = whole.run.counts["files" if way == "file" else "statements"]
    number = int(generator.integers(1, most + 1))
    if verb == "resume" and way == "statement":
        # There is less left to do, so small numbers are drawn more often.
        number = int(np.exp(generator.uniform(0.0, np.log(most + 1))))
    process = Process(folder, verb, killing.study, kill={way: number, "about": killing.about})
    return process.end()


def kill_chain(killing: Killing, whole: Whole, seed: tuple[int, ...]) -> Outcome:
    """A fit that is killed, resumes that are, and the end."""
    generator = np.random.default_rng(seed)
    found, is_steered = Outcome(fault=""), killing.study == "steered"
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        make_rows(folder, STUDIES[killing.study].rows)
        before = None
        for _ in range(killing.in_a_row):
            verb = verb_for(folder)
            if verb is None:
                break
            run = killed_run(folder, verb, killing, whole, generator)
            found.tries += 1
            found.killed += run.killed
            if run.code not in (0, -9):
                found.differences.append(f"{verb} ended with {run.code}: {run.said[-300:]}")
            try:
                now = peek(folder)
            except sqlite3.DatabaseError as error:
                found.differences.append(f"the store is damaged: {error}")
                break
            # What was rolled back is gone on purpose.
            found.differences += [f"lost: {what}" for what in lost(before, now) if not (is_steered and what.startswith("epochs (0,"))]
            before = now
        carry_through(folder, killing.study, found)
        if is_steered:
            of_others = [what for what in whole.told if what.startswith(("trial 1:", "trial 2:", "trial 3:"))]
            now = told(folder)
            differs = [f"of another trial: {what}" for what in of_others if now.get(what) != whole.told[what]] + wrongly_steered(folder)
            found.differences, found.ends, found.equal = found.differences + differs, found.ends + 1, found.equal + (not differs)
        elif STUDIES[killing.study].options.get("budget") is None:
            compare(folder, whole, found)
        else:
            problems = [f"lost: {what}" for what in lost(before, peek(folder))] + ([] if verb_for(folder) is None else ["not finished"])
            found.differences += problems
            found.ends += 1
            found.equal += not problems
    return found


def statements_of(path: Path) -> list[str]:
    """A database as text."""
    with closing(sqlite3.connect(path)) as connection:
        return sorted(connection.iterdump())


def migration_chain(whole: tuple[list[str], Run], seed: tuple[int, ...]) -> Outcome:
    generator = np.random.default_rng(seed)
    found = Outcome(fault="", ends=1)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        shutil.copy(GOLDEN, folder / "old.db")
        for _ in range(3):
            if generator.random() < 0.5:
                number = int(generator.integers(1, whole[1].counts["statements"] + 1))
                process = Process(folder, "migrate", "", kill={"statement": number})
            else:
                process = Process(folder, "migrate", "")
                process.until_begun()
                process.kill_after(generator.uniform(0.0, whole[1].work_s))
            run = process.end()
            found.tries += 1
            found.killed += run.killed
        run = Process(folder, "migrate", "").end()
        if run.code:
            found.differences.append(f"migration ended with {run.code}: {run.said[-300:]}")
        found.equal = int(statements_of(folder / "old.db") == whole[0])
        if not found.equal:
            found.differences.append("the migrated store is another")
    return found


def migrated() -> tuple[list[str], Run]:
    with tempfile.TemporaryDirectory() as place:
        shutil.copy(GOLDEN, Path(place) / "old.db")
        process = Process(Path(place), "migrate", "")
        process.until_begun()
        run = process.end()
        assert run.code == 0, run.said
        return statements_of(Path(place) / "old.db"), run


def until_killed(kills: int, fault: str, chain: Callable[[tuple[int, ...]], Outcome], seed: tuple[int, ...], processes: int) -> Outcome:
    """Chain after chain until there were so many kills."""
    found, number = Outcome(fault=fault), 0
    with ThreadPoolExecutor(processes) as pool:
        while found.killed < kills and number < 4 * kills:
            for one in pool.map(chain, [(*seed, number + at) for at in range(processes)]):
                found.add(one)
            number += processes
    return found


def show(found: Outcome) -> None:
    print(f"| {found.fault} | {found.tries} | {found.killed} | {found.equal} of {found.ends} | {len(found.differences)} |", flush=True)
    for what in found.differences[:6]:
        print(f"    {what}", flush=True)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--kills", type=int, default=200, help="in all")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--only", nargs="+", default=[], metavar="NAME", help="faults whose name holds one of these")
    options.add_argument("--processes", type=int, default=1, help="studies at once")
    options.add_argument("--overhead", type=Path, metavar="FOLDER")
    options.add_argument("--out", type=Path)
    given = options.parse_args()
    if given.overhead:
        results: Any = {"overhead": overhead(given.overhead)}
    else:
        wanted = partial(is_wanted, given.only)
        wholes, found, began = Wholes(), [], time.monotonic()
        print("| fault | tries | killed | equal | differences |\n|---|---|---|---|---|")
        shares = {name: killing.share for name, killing in KILLINGS.items()} | {MIGRATION: MIGRATION_SHARE}
        for place, (name, share) in enumerate(shares.items()):
            if not wanted(name):
                continue
            kills = max(1, round(given.kills * share / sum(shares.values())))
            if name == MIGRATION:
                chain = partial(migration_chain, migrated())
            else:
                chain = partial(kill_chain, KILLINGS[name], wholes(KILLINGS[name].study))
            found.append(until_killed(kills, name, chain, (given.seed, place), given.processes))
            show(found[-1])
        for place, (name, meddle) in enumerate(OTHERS.items()):
            if wanted(name):
                found.append(Outcome(fault=name))
                meddle(wholes, np.random.default_rng((given.seed, 100 + place)), found[-1])
                show(found[-1])
        sums = {part: sum(getattr(one, part) for one in found) for part in ("tries", "killed", "equal", "ends")}
        seconds = round(time.monotonic() - began)
        print(f"\n{sums['killed']} processes killed of {sums['tries']}; {sums['equal']} of {sums['ends']} studies equal; {seconds} s")
        results = {"seed": given.seed, "faults": [asdict(one) for one in found], **sums, "seconds": seconds}
    if given.out:
        given.out.write_text(json.dumps(results, indent=1) + "\n")


def is_wanted(only: list[str], name: str) -> bool:
    return not only or any(part in name for part in only)


if __name__ == "__main__":
    main()
