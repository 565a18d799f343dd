"""What is said of a study's quick references: what simple models reach, rows that disagree, columns that give the target away.

Knows nothing of: how it was found out.
"""

from collections.abc import Mapping
from typing import Any

from osetra.report.words import counted, error

KNOWN = "; is it known at prediction time?"
"""How the sentence on a leak ends."""


def reference_sentences(facts: Mapping[str, Any] | None, error_name: str) -> list[str]:
    """Leaks first, then a line on the references and one on duplicates; `facts` as a study keeps them under `references`."""
    if not facts:
        return []
    sentences = [f"Careful: {leak['sentence'][:1].lower()}{leak['sentence'][1:]}" for leak in facts["leaks"]]
    told = ", ".join(f"{one['name']} {error(one['dev']['value'], error_name)}" for one in facts["references"])
    sentences.append(f"References on dev{'' if error_name == 'error rate' else f' ({error_name})'}: {told}.")
    sentences += [f"{reason[:1].upper()}{reason[1:]}." for reason in facts.get("left_out", ())]
    return sentences + duplicates_sentences(facts, error_name)


def duplicates_sentences(facts: Mapping[str, Any] | None, error_name: str) -> list[str]:
    """How far rows of the same inputs disagree; nothing where there are none, or none disagrees."""
    found = (facts or {}).get("duplicates")
    if not found or not found["disagreement"]:
        return []
    value, low, high = (error(found[name], error_name) for name in ("disagreement", "low", "high"))
    who = f"{counted(found['rows'], 'row')} in {counted(found['groups'], 'group')} have the same inputs"
    return [f"{who}, and disagree as if an error of {value} ({low.removesuffix(' %')} to {high}) could not be avoided on them."]


def leak_sentence(column: str, target: str, *, found: float, baseline: float, error_name: str) -> str:
    """The question that a column raises which tells the target almost perfectly."""
    nothing = "the majority class" if error_name == "error rate" else "the mean"
    told = f"error {error(found, error_name)}" if error_name == "error rate" else f"RMSE {error(found, error_name)}"
    return f"Column `{column}` alone gives the target `{target}` away: {told} where {nothing} has {error(baseline, error_name)}{KNOWN}"
