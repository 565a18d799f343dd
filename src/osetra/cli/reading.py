"""The verbs that read a store: studies, trials, show, best."""

import math
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from osetra.cli import DEFAULT_STORE
from osetra.cli.screen import Column, output, print_json, print_table, print_trials, printable, say
from osetra.cli.standing import STYLE, why
from osetra.core.direction import as_given
from osetra.core.errors import StudyError
from osetra.core.ports import Store
from osetra.core.records import Trial, TrialState
from osetra.report import words
from osetra.report.gathered import probes_of
from osetra.report.parts import shift_sentences, weighing_sentences

if TYPE_CHECKING:
    from osetra.search.importance import Importances
    from osetra.study.handle import Study

BAR = 24
"""Characters of a bar that stands for everything."""


def _open(store: str) -> Store:
    from osetra.store.sql import open_store

    return open_store(store, create=False, read_only=True)


def open_study(name: str | None, store: str) -> "Study":
    """The study of that name, or the newest; StoreError or StudyError if there is none."""
    from osetra.study.handle import Study

    opened = _open(store)
    if name is None:
        summaries = opened.studies()
        if not summaries:
            raise StudyError(f"the store {store} holds no study yet; begin one with osetra fit DATA --target COLUMN")
        name = summaries[0].study.name
    return Study(opened.study(name), opened, place=store)


def list_studies(store: str, *, as_json: bool) -> None:
    """Newest first."""
    from osetra.study.handle import Study
    from osetra.study.heard import heard

    opened = _open(store)
    summaries = [replace(s, best=as_given(s.study, s.best)) if s.best else s for s in opened.studies()]
    stand = [heard(Study(s.study, opened, place=store)) for s in summaries]
    if as_json:
        print_json(
            [
                words.study_facts(s.study)
                | {"is_trained": how.is_trained, "trials": s.trials, "best_trial": words.trial_facts(s.best) if s.best else None}
                for s, how in zip(summaries, stand, strict=True)
            ]
        )
        return
    console = output()
    if not summaries:
        console.print(f"The store {store} holds no study yet. Begin one: osetra fit DATA --target COLUMN")
        return
    bests = [words.error(s.best.dev_error if s.best else None, s.study.error_name) for s in summaries]
    created = [s.study.created.astimezone().strftime("%Y-%m-%d %H:%M") for s in summaries]
    columns = [
        Column(heading="study", cells=[s.study.name for s in summaries], justify="left"),
        Column(heading="task", cells=[str(s.study.task) for s in summaries], justify="left", rank=2),
        Column(heading="target", cells=[s.study.target for s in summaries], justify="left", rank=3),
        Column(heading="trials", cells=[f"{s.trials:,}" for s in summaries]),
        Column(heading="best dev", cells=bests),
        Column(heading="state", cells=[Text(how.state, style=STYLE[how.state]) for how in stand], justify="left"),
        Column(heading="created", cells=created, justify="left", rank=1),
    ]
    print_table(console, columns)


def list_trials(name: str | None, store: str, *, state: str | None, limit: int, offset: int, as_json: bool) -> None:
    """Best first."""
    study = open_study(name, store)
    states = ()
    if state is not None:
        if state not in list(TrialState):
            raise StudyError(f"state must be one of {', '.join(TrialState)}, got {state!r}; choose one")
        states = (TrialState(state),)
    page = study.trials(states=states, limit=limit, offset=offset)
    if as_json:
        print_json([words.trial_facts(trial) for trial in page])
        return
    console = output()
    counts = study.store.count_trials(study.name)
    total = sum(counts.values())
    print_named(console, study.name, f": {words.counted(total, 'trial')}" + (f" ({_states(counts)})" if total else ""))
    if page:
        print_trials(console, page, error_name=study.record.error_name)
    matching = sum(counts[state] for state in states) if states else total
    if offset + len(page) < matching:
        console.print(f"{matching - offset - len(page):,} more: --offset {offset + len(page)}", style="dim")
    elif not page:
        console.print(f"No more from --offset {offset} on" if matching else f"None is {state}" if state else "None yet", style="dim")


def show_study(name: str | None, store: str, *, as_json: bool) -> None:
    """A study as a whole."""
    from osetra.study.heard import heard

    study = open_study(name, store)
    record, facts, how = study.record, study.facts, heard(study)
    if as_json:
        counts = {str(state): n for state, n in study.store.count_trials(study.name).items()}
        found = _importance(study)
        told = {"is_trained": how.is_trained, "trial_states": counts, "importance": found and found.to_dict()}
        print_json(words.study_facts(record) | told)
        return
    console = output()
    print_named(console, record.name, f": {record.task.in_words} of {record.target}, from {record.source}, seed {record.seed}")
    reason = why(record, how, store)
    say(console, how.state + (f": {reason}" if reason else ""), style=STYLE[how.state])
    console.print()
    rule = facts.get("split", {}).get("rule")
    parts = (*shift_sentences(facts.get("shift")), *weighing_sentences(facts))
    for sentence in (*facts.get("notes", ()), *([f"Split {rule}"] if rule else ()), *parts):
        say(console, sentence, style="dim")
    console.print("\nSpace", style="bold")
    console.print(study.space.describe())
    counts = study.store.count_trials(study.name)
    console.print()
    print_named(console, "Trials", f"  {_states(counts) or 'none yet'}")
    found = _importance(study)
    if found is not None:
        _print_importance(console, found)
    if "best" in facts:
        console.print()
        print_best(console, study, store)
    elif facts.get("divergence"):
        say(console, facts["divergence"])


def _importance(study: "Study") -> "Importances | None":
    """None where there are too few trials to tell."""
    try:
        return study.importance()
    except StudyError:
        return None


def _print_importance(console: Console, found: "Importances") -> None:
    """A bar for each hyperparameter and what the tiers say to it."""
    listed = found.hyperparameters
    bars = [Text("█" * round(BAR * one.share) or "▏", style="green" if one.above_chance else "dim") for one in listed]
    columns = [
        Column(heading="", cells=[one.name for one in listed], justify="left"),
        Column(heading="share", cells=[f"{100 * one.share:.0f} %" for one in listed]),
        Column(heading="", cells=bars, justify="left", rank=3),
        Column(heading="95 % interval", cells=[f"{100 * one.low:.0f} to {100 * one.high:.0f} %" for one in listed], rank=1),
        Column(heading="tier", cells=["-" if one.tier is None else str(one.tier) for one in listed], rank=2),
    ]
    console.print("\nImportance", style="bold")
    print_table(console, columns)
    for sentence in found.sentences:
        say(console, sentence, style="dim")


def show_trial(name: str | None, number: int, store: str, *, smoothing: float, as_json: bool) -> None:
    """One trial with its curve, smoothed if `smoothing` is more than 0."""
    from osetra.study.heard import heard

    study = open_study(name, store)
    trial, curve = study.trial(number), study.curve(number, smoothing=smoothing)
    happened = study.events(number)
    probes = probes_of(happened)
    events = [
        {"epoch": event.epoch, "kind": event.kind, "who": event.who, "at": event.at.isoformat(), "detail": dict(event.detail)}
        for event in happened
        if event.kind != "probe"
    ]
    if as_json:
        told = {"curve": [words.epoch_facts(record) for record in curve], "events": events, "probes": probes}
        print_json(words.trial_facts(trial) | told)
        return
    console = output()
    error_name = study.record.error_name
    state = heard(study).state_of(trial)
    print_named(console, f"{study.name}, trial {number}", f": {state}" + (f", {trial.reason}" if trial.reason else ""))
    console.print("\n".join(f"  {line}" for line in words.configuration_lines(trial.configuration)))
    if trial.num_parameters:
        took = f"{words.counted(trial.epochs, 'epoch')} in {words.duration(trial.seconds)}"
        console.print(f"\n{words.counted(trial.num_parameters, 'parameter')}, {took}")
    if curve:
        dev = [record.dev_error for record in curve]
        cost = [record.train_cost for record in curve]
        ends = [words.value(cost[0]), words.value(cost[-1])], words.errors([dev[0], dev[-1]], error_name)
        for label, values, (first, last) in (("train cost", cost, ends[0]), (words.part("dev", error_name), dev, ends[1])):
            # An objective of the user's has no training cost.
            if any(map(math.isfinite, values)):
                console.print(f"{label:<14}  {words.sparkline(values)}  {first} to {last}")
        if smoothing > 0:
            console.print(f"smoothed, over about the last {words.counted(round(1 / (1 - smoothing)), 'epoch')}", style="dim")
    if trial.dev_error is not None:
        console.print(f"best {words.part('dev', error_name)} {words.error(trial.dev_error, error_name)} at epoch {trial.best_epoch}")
    for event in events:
        if event["kind"] == "raised" and "traceback" in event["detail"]:
            console.print(f"\n{event['detail']['traceback']}", style="dim", soft_wrap=True)
        if event["kind"] == "cost rose" and event["detail"].keys() >= {"from", "to"}:
            before, after = (words.value(event["detail"][end]) for end in ("from", "to"))
            told = f"The cost rose from {before} to {after} in epoch {event['epoch']}, where full-batch gradient descent must lower it"
            say(console, f"{told}: the learning rate is too high.", style="yellow")
    seen = [probe for probe in probes if probe["layers"]]
    if seen:
        console.print()
        _print_probe(console, seen[-1])


def _print_probe(console: Console, probe: Mapping[str, Any]) -> None:
    """How each layer does, a row each; a dash for what is not known or not finite."""
    layers = probe["layers"]

    def shown(number: Any, *, share: bool) -> str:
        if not isinstance(number, int | float):
            return "-"
        return f"{100 * number:.0f} %" if share else f"{number:.2g}"

    def column(heading: str, field: str, *, share: bool = False) -> Column:
        return Column(heading=heading, cells=[shown(layer.get(field), share=share) for layer in layers])

    columns = [
        Column(heading="layer", cells=[str(layer.get("layer", "-")) for layer in layers]),
        column("gradient\nnorm", "gradient_norm"),
        column("weight\nnorm", "weight_norm"),
        column("update/\nweight", "update_ratio"),
        column("activation\nmean", "activation_mean"),
        column("\ndeviation", "activation_deviation"),
        column("dead\nunits", "dead_units", share=True),
        column("\nsaturated", "saturated", share=True),
    ]
    print_table(console, columns, title=f"Layers after {words.counted(probe['epoch'], 'epoch')}")


def show_best(name: str | None, store: str, *, as_json: bool) -> None:
    """The best trial and the model."""
    study = open_study(name, store)
    if as_json:
        named = ("dev", "test", "model")
        print_json(words.trial_facts(study.best) | {"study": study.name} | {key: study.facts.get(key) for key in named})
        return
    print_best(output(), study, store)


def print_best(console: Console, study: "Study", store: str) -> None:
    """Configuration, errors with their intervals, and what to type next."""
    best, facts = study.best, study.facts
    ended = ""
    if "trials" in facts:
        spent = f"{words.counted(facts['epochs'], 'epoch')} in {words.duration(facts['seconds'])}"
        ended = f" of {facts['trials']:,}, after {spent} ({facts['ended']})"
    print_named(console, f"Best: trial {best.number}", ended)
    shown = {name: best.configuration[name] for name in study.space.names if name in best.configuration}
    console.print("\n".join(f"  {line}" for line in words.configuration_lines(shown)))
    console.print()
    if facts.get("finals_results"):
        _print_finals(console, facts["finals_results"], study.record.error_name)
    _print_errors(console, study, best)
    if (facts.get("ensemble") or {}).get("sentence"):
        kept = "It is the model." if facts["ensemble"]["is_model"] else "The best trial alone is the model."
        say(console, f"{facts['ensemble']['sentence']} {kept}")
    if facts.get("divergence"):
        say(console, facts["divergence"])
    suffix = "" if store == DEFAULT_STORE else f" --store {shlex.quote(store)}"
    console.print()
    if facts.get("model"):
        console.print(f"Model  {facts['model']}", soft_wrap=True)
        new = "NEW_IMAGES" if "images" in facts.get("fingerprint", {}) else "NEW.csv"
        console.print(f"       osetra predict {shlex.quote(facts['model'])} {new} -o OUT.csv", style="dim", soft_wrap=True)
    console.print(f"Study  {study.name} in {store}", soft_wrap=True)
    console.print(f"       osetra trials {shlex.quote(study.name)}{suffix}", style="dim", soft_wrap=True)


def _between(ends: Sequence[str]) -> str:
    return f"{ends[0].removesuffix(' %')} to {ends[1]}"


def _print_finals(console: Console, results: Sequence[Mapping[str, Any]], error_name: str) -> None:
    """The finalists with the mean of their fresh seeds, the winner first."""
    columns = [
        Column(heading="of trial", cells=[str(result["trial"]) for result in results]),
        Column(heading="seeds", cells=[str(len(result["errors"])) for result in results]),
        Column(heading="mean dev", cells=words.errors([result["mean"] for result in results], error_name)),
        Column(heading="shrunk", cells=words.errors([result["shrunk"] for result in results], error_name)),
        Column(
            heading="95 % interval",
            cells=[
                "-" if not math.isfinite(result["high"]) else _between(words.errors([result["low"], result["high"]], error_name))
                for result in results
            ],
        ),
    ]
    print_table(console, columns, title="Finals, with fresh seeds")
    console.print()


def _print_errors(console: Console, study: "Study", best: Trial) -> None:
    """Error, interval and rows of each part, numbers below one another."""
    facts, error_name = study.facts, study.record.error_name
    parts = {name: facts[name] for name in ("dev", "test") if facts.get(name)}
    if not parts:
        direction = f", {facts['direction']}d" if facts.get("direction") else ""
        console.print(f"{words.part('dev', error_name)}  {words.error(best.dev_error, error_name)}{direction}")
        return
    # Of an ensemble the error on its training rows was not measured.
    trained = best.train_error if not facts.get("single") else None
    numbers = [trained, *(part[end] for part in parts.values() for end in ("value", "low", "high"))]
    train, *rest = words.errors(numbers, error_name)
    between = [f"{low.removesuffix(' %')} to {high}" for low, high in zip(rest[1::3], rest[2::3], strict=True)]
    columns = [
        Column(heading="", cells=["train", *parts], justify="left"),
        Column(heading=error_name, cells=[train, *rest[::3]]),
        Column(heading="95 % interval", cells=["", *between]),
        Column(heading="rows", cells=[f"{facts['split']['sizes'][0]:,}", *(f"{part['rows']:,}" for part in parts.values())]),
        Column(heading="", cells=["", *("measured once" if name == "test" else "" for name in parts)], justify="left"),
    ]
    print_table(console, columns)
    if any("effective_rows" in part for part in parts.values()):
        say(console, f"Rows of dev and test are weighed by {printable(facts['weights']['column'])}; those of train are not.", style="dim")
    if facts.get("class_weight"):
        say(console, "Class weights counted in training and in comparing trials, not in these errors.", style="dim")
    if best.reason.startswith("no better for"):
        told = (
            f"Early stopping ended its training at epoch {best.epochs} and kept epoch {best.best_epoch}, which ties two knobs together: how"
        )
        tied = "well the cost is fitted, and how far the network is kept from overfitting."
        say(console, f"{told} {tied} The alternative: --patience 0, more --epochs-per-trial, and l2 for the rest.", style="dim")
    if "test" not in parts:
        say(console, "No test part was kept: the dev error of the best of many trials is too kind to it.")


def print_named(console: Console, name: str, rest: str) -> None:
    """A name that stands out, and what is said of it."""
    text = Text(printable(name), style="bold")
    text.append(printable(rest), style="not bold")
    console.print(text)


def _states(counts: Mapping[TrialState, int]) -> str:
    return ", ".join(f"{n:,} {state}" for state, n in counts.items() if n)
