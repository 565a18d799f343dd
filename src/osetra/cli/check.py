"""The verb `check`: is the gradient of the network that osetra would train on this table the derivative of its cost?"""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from osetra.cli.fit import space_edits
from osetra.cli.screen import error_output, output, print_json, say
from osetra.report import words


def run_check(
    data: Path | None,
    *,
    target: Sequence[str],
    edits: Sequence[str],
    entries: int,
    as_json: bool,
    **options: Any,
) -> None:
    """Check, print one line a parameter and the verdict; exit code 1 where that is suspect or wrong. `entries` 0: all."""
    space = space_edits(edits)
    from osetra.study.check import check_network
    from osetra.training.differences import Verdict

    say(error_output(), "Checking in float64; the first check on a machine compiles the engine for that, some 20 to 40 s.", style="dim")
    column = None if not target else target[0] if len(target) == 1 else list(target)
    found = check_network(data, column, space=space, entries=entries or None, **options)
    if as_json:
        print_json(_facts(found))
    else:
        console = output()
        console.print(f"{found.source}: {words.counted(found.rows, 'row')}, {words.counted(found.num_parameters, 'parameter')}")
        console.print("Network", style="bold")
        console.print("\n".join(f"  {line}" for line in words.configuration_lines(found.configuration)), soft_wrap=True)
        for check, title in zip(found.checks, ("At the start", f"After {words.counted(found.steps, 'step')}"), strict=False):
            console.print(f"\n{title}", style="bold")
            console.print(check.report(), soft_wrap=True)
        console.print(f"\nGradient: {found.verdict}", style="bold")
        if found.steps:
            console.print(_descent(found), soft_wrap=True)
    if found.verdict in (Verdict.SUSPECT, Verdict.WRONG):
        raise SystemExit(1)


def _descent(found: Any) -> str:
    """Whether the cost fell where it must."""
    how = f"{words.counted(found.steps, 'step')} of full-batch gradient descent at rate {words.value(found.rate)}, dropout off"
    first, last = words.value(found.costs[0]), words.value(found.costs[-1])
    if found.rose_at is None:
        return f"Cost: fell at each of {how}, from {first} to {last}"
    before, after = (words.value(cost) for cost in found.costs[found.rose_at - 1 : found.rose_at + 1])
    return f"Cost: rose at step {found.rose_at} of {how}, from {before} to {after}; with a good gradient the rate is too high, try a tenth"


def _facts(found: Any) -> dict[str, Any]:
    return {
        "verdict": str(found.verdict),
        "source": found.source,
        "rows": found.rows,
        "num_parameters": found.num_parameters,
        "steps": found.steps,
        "configuration": dict(found.configuration),
        "at_start": _check_facts(found.at_start),
        "costs": list(found.costs),
        "rate": found.rate,
        "rose_at": found.rose_at,
        "trained": None if found.trained is None else _check_facts(found.trained),
    }


def _check_facts(check: Any) -> dict[str, Any]:
    return {
        "verdict": str(check.verdict),
        "cost": check.cost,
        "epsilon": check.epsilon,
        "difference": check.difference,
        "worst": check.worst.name,
        "kinks": check.kinks,
        "parameters": [asdict(parameter) | {"verdict": str(parameter.verdict)} for parameter in check.parameters],
    }
