"""What is said before a search begins: what was found in the data, how it was split, what is searched.

Everything of it is kept with the study, so what a person can look up later is cut short here.

Knows nothing of: terminals, how the search goes on.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from osetra.report.parts import shift_sentences, weighing_sentences
from osetra.report.words import counted, in_order, value
from osetra.space.space import Space

MOST_NOTES = 4
"""So many notes on columns are said; a wide table may have hundreds."""
_TOLD_FIRST = ("optimizer", "activation", "num_layers", "batch_norm", "schedule")


def opening(
    *,
    dataset_notes: Sequence[str],
    column_notes: Sequence[str],
    split_rule: str,
    shift: Mapping[str, Any] | None = None,
    weighing: Mapping[str, Any] | None = None,
    space: Space,
    strategy: str,
    epochs_per_trial: int,
    patience: int | None,
    workers: int,
    budget: str,
) -> list[str]:
    """Sentences, a line each. `budget` in words, such as `60 s`; `shift` and `weighing` as a study keeps them."""
    lines = [*dataset_notes, *column_notes[:MOST_NOTES]]
    if len(column_notes) > MOST_NOTES:
        lines.append(f"{counted(len(column_notes) - MOST_NOTES, 'more note')} on columns (osetra show lists them)")
    lines.append(f"Split {split_rule}")
    lines += [*shift_sentences(shift), *weighing_sentences(weighing or {})]
    if strategy == "panda":
        # What is left to be said of one model is known once its speed is.
        return lines
    at_once = "one trial at a time" if workers == 1 else f"{workers} trials at a time"
    epochs = counted(epochs_per_trial, "epoch")
    stops = f", fewer after {patience} without a better one" if patience and patience < epochs_per_trial else ""
    lines.append(
        f"Searching {_listed(in_order(space.names))} {_how(strategy)}: {at_once}, up to {epochs} each{stops}, budget {budget}."
        if space.names
        else f"Nothing is left to search: training the one configuration for up to {epochs}."
    )
    if space.fixed:
        lines.append(f"Left fixed: {_fixed(space)}.")
    return lines


_SAMPLERS = {
    "random": "at random on their scales",
    "sobol": "evenly on their scales (Sobol)",
    "grid": "on a grid",
    "coarse_to_fine": "coarse to fine",
    "zoom": "where a surface fitted to all results promises more",
    "tpe": "by Optuna's TPE",
}
_SCHEDULERS = {"asha": "ASHA", "successive_halving": "successive halving", "hyperband": "Hyperband"}


def _how(strategy: str) -> str:
    if strategy == "waves":
        return "in waves up a ladder, zooming in on what does well"
    sampler, _, scheduler = strategy.partition("+")
    return _SAMPLERS[sampler] + (f" with {_SCHEDULERS[scheduler]}" if scheduler else "")


def _fixed(space: Space) -> str:
    told = [name for name in _TOLD_FIRST if name in space.fixed]
    rest = [name for name in space.fixed if name not in told]
    words = [f"{name} {value(space.fixed[name])}" for name in told]
    if rest:
        words.append(f"{len(rest)} more (osetra show lists them)")
    return _listed(words)


def _listed(words: Iterable[str]) -> str:
    words = list(words)
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else "".join(words)
