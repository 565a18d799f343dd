"""The verb `plan`: what a budget will buy, before it is spent."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from osetra.cli.fit import class_weights, space_edits, split_sizes
from osetra.cli.screen import TerminalProgress, error_output, output, print_json, say
from osetra.core.errors import DataError


def run_plan(
    data: Path,
    *,
    target: Sequence[str],
    edits: Sequence[str],
    sizes: str | None,
    test: Path | None,
    no_test: bool,
    class_weight: str | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Probe for some seconds, then print the plan. Nothing is written."""
    if test is not None and no_test:
        raise DataError(f"a test part is either given or not wanted, got --test {test} and --no-test; leave one out")
    options |= {"test": not no_test if test is None else test, "class_weight": class_weights(class_weight), "space": space_edits(edits)}
    from osetra.study.plan import plan

    column = None if not target else target[0] if len(target) == 1 else list(target)
    say(error_output(), "Reading the data, then training for some seconds to see how long an epoch takes ...", style="dim")
    found = plan(data, column, sizes=split_sizes(sizes) if sizes else None, progress=TerminalProgress(), **options)
    if as_json:
        print_json(found.to_dict())
        return
    console = output()
    for sentence in found.sentences:
        say(console, sentence)
