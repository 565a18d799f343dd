"""What is said of a study's parts: whether they can be told apart, and how their rows and classes are weighed.

Knows nothing of: how it was found out.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from osetra.report.words import value

MOST_CLASSES = 10

_WHY = {
    "random": "The rows were drawn at random, where that happens by chance in 1 check of 40",
    "group": "The parts hold different groups, so that was to be expected: the errors speak of groups that were not trained on",
    "time": "The parts are of different times, so that was to be expected: the errors speak of rows later than those trained on",
    "given": "Dev and test should be rows of the kind that the model is for, and training rows like them",
}


def shift_sentences(shift: Mapping[str, Any] | None) -> list[str]:
    """The outcome of the two-sample check, as a study keeps it: a sentence for each pair that differs, or one line if none does."""
    if not shift:
        return []
    pairs = shift["pairs"]
    if not pairs:
        return ["Whether the parts are alike was not checked: one has too few rows."]
    dev_way, test_way = shift["ways"]
    ways = {"dev": dev_way, "test": test_way}
    found = [_difference(pair, ways) for pair in pairs if pair["found"]]
    if found:
        return found
    compared = ", ".join(f"{pair['first']} and {pair['second']} {pair['auc']:.2f}" for pair in pairs)
    return [f"A small classifier cannot tell the parts apart (AUC of {compared}; 0.5 is chance)."]


def _difference(pair: Mapping[str, Any], ways: Mapping[str, str]) -> str:
    first, second = pair["first"], pair["second"]
    told = f"AUC {pair['auc']:.2f} (95 % interval {pair['low']:.2f} to {pair['high']:.2f})"
    most = f"; most by {_listed([f'`{name}`' for name in pair['columns']])}" if pair["columns"] else ""
    both = {ways[name] for name in (first, second) if name in ways}
    why = next(_WHY[way] for way in ("given", "time", "group", "random") if way in both)
    return f"{first.capitalize()} and {second} part differ: a small classifier tells their rows apart with {told}{most}. {why}."


def weighing_sentences(facts: Mapping[str, Any]) -> list[str]:
    """How rows and classes are weighed, from a study's `weights` and `class_weight`; nothing where they are not."""
    sentences = []
    weights, of_class = facts.get("weights"), facts.get("class_weight")
    if weights:
        worth = ", ".join(f"{name} {rows:,.0f} of {of:,}" for name, (rows, of) in weights["effective_rows"].items())
        sentences.append(
            f"Rows are weighed by `{weights['column']}`, in the cost and in every error; equal rows that say as much: {worth}."
        )
    if of_class:
        shown = [f"{label} {value(weight, 3)}" for label, weight in list(of_class.items())[:MOST_CLASSES]]
        more = [f"{len(of_class) - MOST_CLASSES} more"] if len(of_class) > MOST_CLASSES else []
        sentences.append(f"Class weights, in training and in the dev error that trials are compared by: {_listed([*shown, *more])}.")
    return sentences


def _listed(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else "".join(words)
