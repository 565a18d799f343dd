"""A plan in words: what a budget will buy, with the arithmetic; all of it, and the short form that stands before a fit.

Knows nothing of: how the numbers were found, terminals.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from osetra.report.words import counted, duration, in_order, value

_TOLD_FIRST = ("optimizer", "activation", "num_layers", "batch_norm", "schedule")
_TIERS = (("learning_rate",), ("batch_size", "hidden_units", "momentum", "l2", "keep_prob"), ("num_layers",))
_APPROACHES = {
    "panda": "panda: one model at a time, watched; fewer than 3 full trainings leave hardly a choice to make",
    "mix": "a mix: a few models side by side, then the best of them watched to the end; caviar begins at 12 full trainings",
    "caviar": "caviar: many side by side, most stopped early, the best trained on",
}
_MEGABYTE = 2**20


def plan_sentences(plan: Mapping[str, Any]) -> list[str]:
    """The whole plan, as `CostPlan.to_dict` gives it, a sentence or two a line."""
    return [
        _rows(plan),
        *_batches(plan),
        _epoch(plan),
        _purchase(plan),
        _approach(plan),
        *_more(plan),
        _tiers(plan),
        *_ladder(plan),
        _memory(plan),
        _assumed(),
    ]


def short_plan_sentences(plan: Mapping[str, Any]) -> list[str]:
    """The plan before a fit, in two lines."""
    low, mean, high = plan["space_epoch_s"]
    if not plan["epochs"]:
        return [_nothing(plan)]
    between = f" ({_time(low)} to {_time(high)} over the space)" if plan["tuned"] else ""
    trained = f"about {_round(plan['epochs'])} epochs in {duration(plan['setup_s'] + plan['train_s'])}, {_full(plan['full_trainings'])}"
    approach = _APPROACHES[plan["approach"]].split(";")[0]
    return [
        f"Plan: an epoch of one model takes about {_time(mean)} on one core{between}.",
        f"{_budget(plan)} on {_cores(plan)}: {trained} of {counted(plan['epochs_per_trial'], 'epoch')}; {approach}.",
    ]


def _rows(plan: Mapping[str, Any]) -> str:
    train, dev, test = plan["rows"]
    known = ""
    if plan["error_name"] == "error rate" and plan["dev_error"] is not None:
        known = f" (an error near {100 * plan['dev_error']:.0f} % is known to ±{100 * plan['dev_reach']:.1f} points)"
    elif plan["error_name"] != "error rate":
        known = f" (an RMSE is known to about ±{100 * plan['dev_reach']:.1f} % of itself, less well where few rows make most of it)"
    last = f", {test:,} test" if test else "; no test part"
    return f"{train:,} rows train, {dev:,} tell candidates apart{known}{last}."


def _batches(plan: Mapping[str, Any]) -> list[str]:
    sizes, rows = plan["batch_sizes"], plan["rows"][0]
    if not sizes:
        return []
    steps = [-(-rows // size) for size in sizes]
    if len(sizes) == 1:
        return [f"Mini-batches of {sizes[0]:,} rows: {counted(steps[0], 'step')} an epoch."]
    return [f"Mini-batches of {sizes[0]:,} to {sizes[1]:,} rows: {steps[0]:,} to {counted(steps[1], 'step')} an epoch."]


def _epoch(plan: Mapping[str, Any]) -> str:
    low, mean, high = plan["space_epoch_s"]
    over = f", {_time(mean)} on average over the space ({_time(low)} to {_time(high)})" if plan["tuned"] else ""
    part = f" on {100 * plan['probe_share']:.0f} % of the rows" if plan["probe_share"] < 1 else ""
    return (
        f"One epoch of one model takes {_time(plan['default_epoch_s'])} with the default configuration{over}, on one of {_cores(plan)} at "
        f"work; measured now on {counted(plan['probe_trials'], 'configuration')}{part} in {duration(plan['probe_s'])}."
    )


def _purchase(plan: Mapping[str, Any]) -> str:
    """The arithmetic."""
    if not plan["epochs"]:
        return _nothing(plan)
    each = plan["epochs_per_trial"]
    bought = f"{_round(plan['epochs'])} epochs; / {each} = {_full(plan['full_trainings'])}"
    wall = f"{duration(plan['train_s'])} of training"
    if plan["budget"]["seconds"] is not None:
        left = max(0.0, plan["budget"]["seconds"] - plan["setup_s"])
        spent = f"{_budget(plan)} less {duration(plan['setup_s'])} to read, prepare and fit reference models"
        if plan["train_s"] < 0.95 * left:
            spent += f" and {duration(left - plan['train_s'])} left over after the finals"
        arithmetic = f"{spent} = {wall} * {_cores(plan)} / {_time(plan['epoch_s'])} an epoch"
        low, high = plan["epochs_low"], plan["epochs_high"]
        return f"{arithmetic} = about {bought}{_between(plan, _round(low), f'{_round(high)} epochs', high > 1.1 * low)}."
    core_s = duration(plan["epochs"] * plan["epoch_s"])
    took = f"at {_time(plan['epoch_s'])} an epoch {core_s} of one core, {duration(plan['setup_s'] + plan['train_s'])} on {_cores(plan)}"
    about = "about " if plan["budget"]["epochs"] is None else ""
    low, high = (plan["setup_s"] + plan[name] for name in ("train_s_low", "train_s_high"))
    between = _between(plan, duration(low), duration(high), high > 1.1 * low)
    return f"{_budget(plan)}: {about}{bought}; {took}, {duration(plan['setup_s'])} to read and prepare included{between}."


def _between(plan: Mapping[str, Any], low: str, high: str, is_wide: bool) -> str:
    """How far the rehearsals lie apart."""
    return f" (between {low} and {high} in {plan['rehearsals']} rehearsals, by how costly the best turn out)" if is_wide else ""


def _nothing(plan: Mapping[str, Any]) -> str:
    return (
        f"{_budget(plan)} ends before an epoch does: reading and preparing took {duration(plan['setup_s'])}. "
        f"Give it {_enough(plan['seconds_for']['mix'])} or more."
    )


def _approach(plan: Mapping[str, Any]) -> str:
    return f"{_full(plan['full_trainings']).capitalize()}: {_APPROACHES[plan['approach']]}."


def _more(plan: Mapping[str, Any]) -> list[str]:
    """What budget would change the approach."""
    needed = plan["seconds_for"]
    if plan["approach"] == "caviar":
        return []
    caviar = f"caviar needs about {_enough(needed['caviar'])}"
    if plan["approach"] == "mix":
        return [f"{caviar[:1].upper()}{caviar[1:]}."]
    alone = "osetra fit with --trials 1 trains the default configuration alone"
    return [f"A mix needs a budget of about {_enough(needed['mix'])}, {caviar}; {alone}."]


def _tiers(plan: Mapping[str, Any]) -> str:
    fixed = plan["fixed"]
    told = [f"{name} {value(fixed[name])}" for name in _TOLD_FIRST if name in fixed]
    rest = len(fixed) - len(told)
    left = ", ".join([*told, *([f"{rest} more"] if rest else [])])
    if not plan["tuned"]:
        return f"Nothing is left to tune. Fixed: {left}."
    names = in_order(plan["tuned"])
    tiers = [(f"tier {number}", [name for name in names if name in tier]) for number, tier in enumerate(_TIERS, start=1)]
    tiers.append(("besides", [name for name in names if not any(name in tier for tier in _TIERS)]))
    joins = f" Tier 3 ({', '.join(_TIERS[2])}) joins where a budget pays for about 12 full trainings."
    later = joins if not tiers[2][1] and plan["approach"] != "caviar" else ""
    tuned = "; ".join(f"{tier}: {', '.join(found)}" for tier, found in tiers if found)
    return f"Tuned: {tuned}. Left fixed: {left or 'nothing'}.{later}"


def _ladder(plan: Mapping[str, Any]) -> list[str]:
    reached: Sequence[Sequence[int]] = plan["reached"]
    if not reached:
        return []
    # A rung that all of those on it go on from decides nothing.
    deciding = [rung for rung, after in zip(reached, [*reached[1:], None], strict=True) if after is None or after[1] < rung[1]]
    steps = [f"{_round(count)} reach epoch {epoch}" for epoch, count in deciding]
    finals = f"; {plan['finals']} of them are the finals, the best anew with fresh seeds" if plan["finals"] else ""
    name = "The ladder" if len(deciding) > 1 else "No ladder"
    return [f"{name}: of about {counted(_rounded(plan['trials']), 'trial')}, {', '.join(steps)}{finals}."]


def _memory(plan: Mapping[str, Any]) -> str:
    data, trials = plan["data_bytes"], plan["trials_bytes"]
    return (
        f"Memory: about {_size(data + trials)} besides Python and its libraries (some 0.3 GB): {_size(data)} of data, as read and as "
        f"prepared, and {_size(trials)} of trials at work and waiting (those over 1 GB wait on disk)."
    )


def _assumed() -> str:
    how = "Which configurations go far was rehearsed without training, by how the probe's did and networks on tables mostly do"
    return f"{how}; it may turn out otherwise."


def _budget(plan: Mapping[str, Any]) -> str:
    budget = plan["budget"]
    parts = [_budget_words(budget["seconds"])] if budget["seconds"] is not None else []
    parts += [counted(budget[name], name.removesuffix("s")) for name in ("trials", "epochs") if budget[name] is not None]
    return ", ".join(parts)


def _budget_words(seconds: float) -> str:
    """As one types it, such as 90s, 10m, 2h."""
    for unit, length in (("h", 3600), ("m", 60)):
        if seconds >= length and abs(seconds / length - round(seconds / length, 1)) < 1e-9:
            return f"{seconds / length:g}{unit}"
    return f"{seconds:g}s"


def _enough(seconds: float) -> str:
    """A budget that is no less, in whole seconds, minutes or hours of at most two figures."""
    unit, length = ("s", 1) if seconds <= 100 else ("m", 60) if seconds <= 6000 else ("h", 3600)
    return f"{math.ceil(seconds / length):,}{unit}"


def _cores(plan: Mapping[str, Any]) -> str:
    return counted(plan["workers"], "core")


def _full(full: float) -> str:
    return f"{_round(round(full))} full trainings" if full >= 9.5 else f"{full:.1f} full trainings"


def _time(seconds: float) -> str:
    """Seconds to two figures, short times in milliseconds."""
    return duration(seconds) if seconds >= 1 else f"{seconds:.2g} s" if seconds >= 0.01 else f"{1000 * seconds:.2g} ms"


def _rounded(number: int) -> int:
    """To two figures, three from 100 on: a forecast."""
    step = 10 ** max(0, len(str(number)) - (2 if number < 100 else 3))
    return round(number / step) * step


def _round(number: int) -> str:
    return f"{_rounded(number):,}"


def _size(size: float) -> str:
    return f"{size / 2**30:.1f} GB" if size >= 2**30 else f"{max(1, round(size / _MEGABYTE)):,} MB"
