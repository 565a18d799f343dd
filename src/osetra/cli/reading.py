"""The verbs that read a store: studies, trials, show, best."""

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from osetra.cli.screen import output, print_json, trials_table
from osetra.core.errors import StudyError
from osetra.core.ports import Store
from osetra.core.records import TrialState
from osetra.report import words

if TYPE_CHECKING:
    from osetra.study.handle import Study


def _open(store: str) -> Store:
    from osetra.store.sql import open_store

    return open_store(store, create=False, read_only=True)


def _study(name: str | None, store: str) -> "Study":
    from osetra.study.handle import Study

    opened = _open(store)
    if name is None:
        summaries = opened.studies()
        if not summaries:
            raise StudyError(f"the store {store} holds no study yet; begin one with osetra fit DATA --target COLUMN")
        name = summaries[0].study.name
    return Study(opened.study(name), opened)


def list_studies(store: str, *, as_json: bool) -> None:
    """Newest first."""
    summaries = _open(store).studies()
    if as_json:
        print_json(
            [
                words.study_facts(s.study) | {"trials": s.trials, "best_trial": words.trial_facts(s.best) if s.best else None}
                for s in summaries
            ]
        )
        return
    console = output()
    if not summaries:
        console.print(f"The store {store} holds no study yet. Begin one: osetra fit DATA --target COLUMN")
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading, justify in (
        ("study", "left"), ("task", "left"), ("target", "left"), ("trials", "right"), ("best dev", "right"), ("state", "left"),
        ("created", "left"),
    ):  # fmt: skip
        table.add_column(heading, justify=justify, no_wrap=True)  # pyright: ignore[reportArgumentType]
    for s in summaries:
        best = words.error(s.best.dev_error if s.best else None, s.study.error_name)
        created = s.study.created.astimezone().strftime("%Y-%m-%d %H:%M")
        table.add_row(s.study.name, str(s.study.task), s.study.target, f"{s.trials:,}", best, str(s.study.state), created)
    console.print(table)


def list_trials(name: str | None, store: str, *, state: str | None, limit: int, offset: int, as_json: bool) -> None:
    """Best first."""
    study = _study(name, store)
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
    console.print(f"[bold]{study.name}[/bold]: {total:,} trials, " + ", ".join(f"{n:,} {s}" for s, n in counts.items() if n))
    if page:
        console.print(trials_table(page, error_name=study.record.error_name))
    if offset + len(page) < total and state is None:
        console.print(f"[dim]{total - offset - len(page):,} more: --offset {offset + len(page)}[/dim]")


def show_study(name: str | None, store: str, *, as_json: bool) -> None:
    """A study as a whole."""
    study = _study(name, store)
    record, facts = study.record, study.facts
    if as_json:
        counts = {str(state): n for state, n in study.store.count_trials(study.name).items()}
        print_json(words.study_facts(record) | {"trial_states": counts})
        return
    console = output()
    console.print(f"[bold]{record.name}[/bold]: {record.task} of {record.target}, from {record.source}, seed {record.seed}")
    console.print(f"{record.state}" + (f": {record.reason}" if record.reason else ""))
    for sentence in (*facts.get("notes", ()), facts.get("split", {}).get("rule", "")):
        console.print(f"[dim]{sentence}[/dim]", soft_wrap=True)
    console.print("\n[bold]Space[/bold]")
    console.print(study.space.describe(), markup=False)
    counts = study.store.count_trials(study.name)
    console.print("\n[bold]Trials[/bold]  " + ", ".join(f"{n:,} {state}" for state, n in counts.items() if n))
    if facts.get("divergence"):
        console.print(facts["divergence"])
    if "best" in facts:
        console.print()
        print_best(console, study, store)


def show_trial(name: str | None, number: int, store: str, *, as_json: bool) -> None:
    """One trial with its curve."""
    study = _study(name, store)
    trial, curve = study.trial(number), study.curve(number)
    if as_json:
        events = [
            {"epoch": e.epoch, "kind": e.kind, "who": e.who, "at": e.at.isoformat(), "detail": dict(e.detail)} for e in study.events(number)
        ]
        print_json(words.trial_facts(trial) | {"curve": [words.epoch_facts(record) for record in curve], "events": events})
        return
    console = output()
    error_name = study.record.error_name
    console.print(f"[bold]{study.name}, trial {number}[/bold]: {trial.state}" + (f", {trial.reason}" if trial.reason else ""))
    console.print("\n".join(words.configuration_lines(trial.configuration)), markup=False)
    if trial.num_parameters:
        console.print(f"{trial.num_parameters:,} parameters, {trial.epochs} epochs in {words.duration(trial.seconds)}")
    if curve:
        for label, values in (("train cost", [r.train_cost for r in curve]), (f"dev {error_name}", [r.dev_error for r in curve])):
            first, last = words.value(float(values[0])), words.value(float(values[-1]))
            console.print(f"{label:>16}  {words.sparkline(values)}  {first} to {last}")
    if trial.dev_error is not None:
        console.print(f"best dev {error_name} {words.error(trial.dev_error, error_name)} at epoch {trial.best_epoch}")


def show_best(name: str | None, store: str, *, as_json: bool) -> None:
    """The best trial and the model."""
    study = _study(name, store)
    if as_json:
        named = ("dev", "test", "model")
        print_json(words.trial_facts(study.best) | {"study": study.name} | {key: study.facts.get(key) for key in named})
        return
    print_best(output(), study, store)


def print_best(console: Console, study: "Study", store: str) -> None:
    """Configuration, errors with their intervals, and what to type next."""
    best, error_name, facts = study.best, study.record.error_name, study.facts
    console.print(f"[bold]Best: trial {best.number}[/bold]", f"(of {facts['trials']:,}; {facts['ended']})" if "trials" in facts else "")
    searched = study.space.names
    shown = {name: best.configuration[name] for name in searched if name in best.configuration}
    console.print("\n".join("  " + line for line in words.configuration_lines(shown)), markup=False)
    console.print()
    if facts.get("dev"):
        console.print(f"train {error_name}  {words.error(best.train_error, error_name)}")
        console.print(f"dev {error_name}    {words.interval(facts['dev'], error_name)}")
        if facts.get("test"):
            console.print(f"test {error_name}   {words.interval(facts['test'], error_name)}, measured once")
        else:
            console.print(f"test {error_name}   no test part: the dev error of the best of many trials is too kind to it")
    else:
        console.print(f"dev {error_name}    {words.error(best.dev_error, error_name)}")
    if facts.get("divergence"):
        console.print(facts["divergence"])
    suffix = "" if store == "osetra.db" else f" --store {store}"
    if facts.get("model"):
        console.print(f"\nModel  {facts['model']}", markup=False)
        console.print(f"       osetra predict {facts['model']} NEW.csv -o OUT.csv", markup=False, style="dim")
    console.print(f"Study  {study.name} in {store}", markup=False)
    console.print(f"       osetra trials {study.name}{suffix}", markup=False, style="dim")
