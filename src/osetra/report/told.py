"""What a report says in words: the verdict, what was done, what was noticed, what to do next, how to repeat it.

Knows nothing of: figures, pages.
"""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from osetra.core.records import StudyState
from osetra.report import words
from osetra.report.gathered import Gathered
from osetra.report.parts import shift_sentences, weighing_sentences

_WAYS = {
    "waves": "in waves: many configurations a little, the best of them further, zooming in on what does well",
    "random": "at random on their scales",
    "sobol": "evenly on their scales (Sobol)",
    "grid": "on a grid",
    "coarse_to_fine": "coarse to fine",
    "zoom": "where a surface fitted to all results promises more",
    "tpe": "by Optuna's TPE",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """One main number of a study."""

    label: str
    value: str
    note: str = ""


def verdict(told: Gathered) -> str:
    """The study in one sentence."""
    if told.diagnosis is not None and not told.is_objective:
        return _sentence(told.diagnosis["sentence"])
    if told.best is None:
        if told.broke_off is not None:
            return "No trial had come to a result when the study broke off."
        return f"No trial has come to a result yet: the study is {told.state}{_because(told.study.reason)}."
    part = words.part("dev", told.error_name)
    way = {"minimize": "lowest", "maximize": "greatest"}.get(told.facts.get("direction", ""), "best")
    of = f"of trial {told.best.number} among {words.counted(told.total, 'trial')}"
    return f"The {way} {part} is {_error(told, told.best.dev_error)}, {of}."


def numbers(told: Gathered) -> list[Number]:
    """The result, with intervals, and what it took."""
    made = []
    for part, note in (("test", "measured once"), ("dev", "which trials were chosen by")):
        measured = told.facts.get(part)
        if measured:
            low, high = words.errors([measured["low"], measured["high"]], told.error_name)
            interval = f"95 % interval {low.removesuffix(' %')} to {high}; {words.counted(measured['rows'], 'row')}, {note}"
            made.append(Number(label=f"{part} {told.error_name}", value=_error(told, measured["value"]), note=interval))
    if not made and told.best is not None:
        aim = f"{told.facts['direction']}d; " if told.facts.get("direction") else ""
        made.append(
            Number(
                label=f"best {words.part('dev', told.error_name)}",
                value=_error(told, told.best.dev_error),
                note=f"{aim}trial {told.best.number}",
            )
        )
    simple = _best_reference(told)
    if simple is not None:
        made.append(simple)
    states = ", ".join(f"{count:,} {state}" for state, count in told.counts.items())
    made.append(Number(label="trials", value=f"{told.total:,}", note=states))
    if told.facts.get("seconds") is not None:
        epochs = (
            f"{words.counted(told.facts['epochs'], 'epoch')}; "
            if not told.is_objective or told.facts.get("epochs_per_trial", 1) > 1
            else ""
        )
        made.append(Number(label="time", value=words.duration(told.facts["seconds"]), note=f"{epochs}{told.facts['ended']}"))
    return made


def what_was_done(told: Gathered) -> list[str]:
    """Sentences for somebody who was not there: data, parts, search, result."""
    study, facts = told.study, told.facts
    lines = [_opening(told)]
    rule = facts.get("split", {}).get("rule")
    lines += [f"The rows were dealt out {rule.split(';')[0]}." if rule else ""]
    lines += [*shift_sentences(facts.get("shift")), *weighing_sentences(facts)]
    names = told.space.names if told.space is not None else ()
    sampler, _, scheduler = str(facts.get("strategy", "")).partition("+")
    each = facts.get("epochs_per_trial") or 1
    how = _WAYS.get(sampler, f"by {sampler}" if sampler else "") + (f", with {scheduler.replace('_', ' ')}" if scheduler else "")
    lengths = f", each trained for up to {words.counted(each, 'epoch')}" if each > 1 else ""
    if sampler == "panda":
        lines.append(f"One model was trained, watched and steered, for up to {words.counted(each, 'epoch')}; nothing was searched.")
    elif names:
        lines.append(f"{words.counted(len(names), 'hyperparameter')} ({_listed(words.in_order(names))}) were searched {how}{lengths}.")
    if facts.get("ended") and "trials" in facts:
        epochs = f" and {words.counted(facts['epochs'], 'epoch')}" if each > 1 else ""
        lines.append(
            f"That took {words.counted(facts['trials'], 'trial')}{epochs} in {words.duration(facts['seconds'])}; {facts['ended']}."
        )
    lines.append(_sentence(facts["divergence"]) if facts.get("divergence") else "")
    if facts.get("finals_results"):
        lines.append(_finals(told))
    if (facts.get("ensemble") or {}).get("sentence"):
        kept = "It is the model." if facts["ensemble"]["is_model"] else "The best trial alone is the model."
        lines.append(f"{facts['ensemble']['sentence']} {kept}")
    if facts.get("dev") and not facts.get("test"):
        lines.append("No test part was kept: the dev error of the best of many trials is too kind to it.")
    if study.state is not StudyState.FINISHED:
        lines.append(f"The study is {told.state}{_because(_why(told))}.")
    return [line for line in lines if line]


def how_it_narrowed(told: Gathered) -> list[str]:
    """What the search itself said as it went, a sentence each."""
    return [_capital(f"{sentence}.") for sentence in told.facts.get("sentences") or ()]


def actions(told: Gathered) -> Sequence[Mapping[str, Any]]:
    """What to do, in order, as `Action.to_dict` gives it; the first that can be typed is the first to do."""
    return (told.diagnosis or {}).get("actions", ())


def first_action(told: Gathered) -> Mapping[str, Any] | None:
    """The first that options of `fit` carry out, or else the first; None where there is nothing to do."""
    listed = actions(told)
    return next((action for action in listed if words.action_options(action)), listed[0] if listed else None)


def findings(told: Gathered) -> list[tuple[str, Mapping[str, Any]]]:
    """What was noticed, each with where: data, references, search, curve, layers."""
    return [
        (where, finding)
        for where in ("data", "references", "search", "curve", "layers")
        for finding in (told.diagnosis or {}).get(where, ())
    ]


def _opening(told: Gathered) -> str:
    study, facts = told.study, told.facts
    at = study.created.strftime("%Y-%m-%d")
    if told.is_objective:
        aim = "the greatest" if told.maximize else "the lowest"
        return f"On {at} osetra looked for {aim} value of {study.target}, from {study.source}."
    known = facts.get("fingerprint") or {}
    columns = len(known.get("columns", ()))
    features = max(0, columns - len(study.target.split(", ")))
    of = (
        f", {known['rows']:,} rows" + (f" of {words.counted(features, 'feature')}" if "images" not in known and columns else "")
        if "rows" in known
        else ""
    )
    return f"On {at} osetra trained networks for {study.task.in_words} of {study.target} on {study.source}{of}, with seed {study.seed}."


def _finals(told: Gathered) -> str:
    results = told.facts["finals_results"]
    first = results[0]
    mean = _error(told, first["mean"])
    seeds = words.counted(len(first["errors"]), "fresh seed")
    winner = f"the winner is the configuration of trial {first['trial']}, with a mean of {mean} over {seeds}"
    return f"{words.counted(len(results), 'finalist')} trained anew; {winner}."


def _best_reference(told: Gathered) -> Number | None:
    known = (told.facts.get("references") or {}).get("references") or ()
    if not known:
        return None
    best = min(known, key=lambda one: one["dev"]["value"])
    return Number(label=f"best simple reference, dev {told.error_name}", value=_error(told, best["dev"]["value"]), note=best["name"])


def _error(told: Gathered, value: float | None) -> str:
    return words.error(value, told.error_name)


def _why(told: Gathered) -> str:
    """The study is in its state; of one that broke off a moment is named, since a report is read later."""
    if told.broke_off is None:
        return told.study.reason
    resume = f"osetra resume {shlex.quote(told.study.name)}"
    return f"last heard from {told.broke_off:%Y-%m-%d %H:%M:%S} UTC; {words.gone(told.study.task, resume)}"


def _because(reason: str) -> str:
    return f" ({reason})" if reason else ""


def _listed(names: Iterable[str]) -> str:
    named = list(names)
    return f"{', '.join(named[:-1])} and {named[-1]}" if len(named) > 1 else "".join(named)


def _sentence(text: str) -> str:
    return f"{_capital(text.rstrip('. '))}."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
