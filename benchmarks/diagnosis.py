"""Does the diagnosis say what is so? Studies of worlds whose answer is known by how they were made, and what was said of each.

    python benchmarks/diagnosis.py --seeds 100 --processes 2 --out benchmarks/results/diagnosis.json

Every world of `diagnosis_worlds.py` is made and fitted once a seed. Tables in Markdown: of the worlds of bias and variance, what verdict
they got, told the base error and untold; of each world, in how many seeds the right thing was named; of the healthy ones, the false
alarms of each kind, and of any. The goal is 95 right of 100 in each world and under 5 studies of 100 with a false alarm.

A study trains on one thread, so that what is found does not depend on --processes. About 0.4 s a study on a quiet machine, so 100 seeds
take about 7 minutes on two cores; --worlds narrows a run.
"""

import argparse
import json
import multiprocessing
import os
import platform
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

# A process a core is faster than the threads of libraries.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

sys.path.insert(0, str(Path(__file__).parent))
from diagnosis_worlds import VERDICTS, WORLDS, Case, World

import osetra
from osetra.diagnosis.intervals import wilson
from osetra.study.diagnose import Diagnosis

GOAL, MOST_ALARMS = 0.95, 0.05
NOTHING = "no model"
BY_NAME: Mapping[str, World] = {world.name: world for world in WORLDS}
_END = re.compile(r"best value of (\w+), .* lies at the (upper|lower) end")


def fit(case: Case, seed: int) -> osetra.Study:
    return osetra.fit(case.data, **case.options, seed=seed, finals=False, workers=1)


def said(study: osetra.Study, found: Diagnosis) -> frozenset[str]:
    """Everything that a diagnosis names: the verdict, and each finding; of a leak the column, of a boundary the end."""
    names = {str(found.verdict)}
    for finding in (*found.curve, *found.layers, *found.data, *found.references, *found.search):
        end = _END.search(finding.sentence) if finding.name == "best on a boundary" else None
        leaks = (study.facts.get("references") or {}).get("leaks", ()) if finding.name == "leak" else ()
        names |= {f"leak of {leak['column']}" for leak in leaks if leak["column"] in finding.sentence}
        names |= {f"{end[2]} end of {end[1]}"} if end else {finding.name} if not leaks else set()
    over = None if found.gaps is None else found.gaps.gap("over-tuning on dev")
    if over is not None and over.is_high:
        names.add("over-tuned on dev")
    return frozenset(names)


def is_right(world: World, names: frozenset[str]) -> bool:
    return (world.expected is None or world.expected in names) and not names & world.opposite


def observe(name: str, seed: int) -> dict[str, Any]:
    """Make, fit and diagnose one world at one seed."""
    world = BY_NAME[name]
    case = world.make(seed)
    began = time.perf_counter()
    try:
        study = fit(case, seed)
    except osetra.StudyError as error:
        return {"world": name, "seed": seed, "said": [NOTHING], "untold": NOTHING, "first": None, "error": str(error)}
    found = study.diagnose(case.base_error)
    untold = study.diagnose(None)
    errors = {} if found.gaps is None else {part: round(one.value, 4) for part, one in found.gaps.errors.items()}
    first = found.first_action
    seconds = round(time.perf_counter() - began, 2)
    return {
        "world": name, "seed": seed, "said": sorted(said(study, found)), "untold": str(untold.verdict),
        "first": None if first is None else first.name, "errors": errors, "seconds": seconds,
    }  # fmt: skip


def observe_all(worlds: Sequence[str], seeds: range, processes: int) -> Iterator[dict[str, Any]]:
    tasks = [(world, seed) for world in worlds for seed in seeds]
    if processes == 1:
        yield from (observe(*task) for task in tasks)
        return
    # Spawned: compiled code and its threads do not survive a fork.
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(observe, *zip(*tasks, strict=True))


def summary(world: World, seen: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What was said of one world, JSON-able. `named`: seeds in which each name was said. `wrong`: the seeds that were not right."""
    right = [is_right(world, frozenset(one["said"])) for one in seen]
    low, high = wilson(sum(right) / len(seen), len(seen))
    named = Counter(name for one in seen for name in one["said"])
    untold, first = Counter(one["untold"] for one in seen), Counter(str(one["first"]) for one in seen)
    made: dict[str, Any] = {
        "world": world.name, "construction": world.construction, "expected": world.expected, "opposite": sorted(world.opposite),
        "seeds": len(seen), "right": sum(right), "interval": [round(low, 3), round(high, 3)],
        "named": dict(named.most_common()), "untold": dict(untold), "first_action": dict(first.most_common()),
        "seconds": round(sum(one.get("seconds", 0.0) for one in seen) / len(seen), 2),
        "wrong": [one for one, is_good in zip(seen, right, strict=True) if not is_good],
    }  # fmt: skip
    if world.is_healthy:
        alarms = [frozenset(one["said"]) - world.maybe - {world.expected} for one in seen]
        made["alarms"] = dict(Counter(name for one in alarms for name in one).most_common())
        made["any_alarm"] = sum(map(bool, alarms))
        made["alarmed"] = [one for one, alarm in zip(seen, alarms, strict=True) if alarm]
    return made


def show(summaries: Sequence[Mapping[str, Any]]) -> None:
    of_verdict = [one for one in summaries if one["expected"] in VERDICTS]
    for head, key in (("told the base error", "named"), ("left to estimate it", "untold")):
        if of_verdict:
            print(f"\n### Verdicts, {head}\n\n| world | is | {' | '.join(VERDICTS)} |\n|---|---|{'---:|' * len(VERDICTS)}")
        for one in of_verdict:
            cells = [f"**{one[key].get(name, 0)}**" if name == one["expected"] else str(one[key].get(name, "")) for name in VERDICTS]
            print(f"| {one['world']} | {one['expected']} | {' | '.join(cells)} |")
    print("\n### All worlds\n\n| world | must be said | right (95 %) | goal | first action | said beside it | s |")
    print("|---|---|---:|---|---|---|---:|")
    for one in summaries:
        rate, (low, high) = one["right"] / one["seeds"], one["interval"]
        beside = ", ".join(f"{name} {count}" for name, count in one["named"].items() if name != one["expected"])
        first = ", ".join(f"{name} {count}" for name, count in list(one["first_action"].items())[:3])
        share = f"{one['right']} of {one['seeds']} ({100 * low:.0f} .. {100 * high:.0f} %)"
        met = "met" if rate >= GOAL else "missed"
        must = ", ".join([one["expected"] or "", *(f"not {name}" for name in one["opposite"])]).removeprefix(", ")
        print(f"| {one['world']} | {must} | {share} | {met} | {first} | {beside} | {one['seconds']:.2f} |")
    for one in summaries:
        if "alarms" in one:
            any_, seeds = one["any_alarm"], one["seeds"]
            alarms = ", ".join(f"{name} {count}" for name, count in one["alarms"].items()) or "none"
            met = "met" if any_ / seeds < MOST_ALARMS else "missed"
            print(f"\nFalse alarms of {one['world']!r}, {seeds} seeds: any {any_} ({met}); {alarms}.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--worlds", nargs="+", default=list(BY_NAME), choices=list(BY_NAME), metavar="WORLD", help=", ".join(BY_NAME))
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--out", type=Path, help="write what was said to this file, as JSON")
    arguments = parser.parse_args()
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    seen: dict[str, list[dict[str, Any]]] = {name: [] for name in arguments.worlds}
    began = time.monotonic()
    for one in observe_all(arguments.worlds, seeds, arguments.processes):
        seen[one["world"]].append(one)
        if len(seen[one["world"]]) == len(seeds):
            told = f"{one['world']}: {sum(is_right(BY_NAME[one['world']], frozenset(of['said'])) for of in seen[one['world']])} right"
            print(f"{time.monotonic() - began:6.0f} s  {told} of {len(seeds)}", file=sys.stderr, flush=True)
    summaries = [summary(BY_NAME[name], seen[name]) for name in arguments.worlds]
    show(summaries)
    if arguments.out:
        facts = {
            "machine": platform.processor() or platform.machine(), "python": platform.python_version(), "osetra": osetra.__version__,
            "seeds": [seeds.start, seeds.stop - 1], "worlds": summaries,
        }  # fmt: skip
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(json.dumps(facts, indent=1) + "\n")


if __name__ == "__main__":
    main()
