"""`Study.retest`: intuitions go stale, so the old winner is trained anew beside its rivals and some newcomers, on new data or the old.

    candidates    the winner's configuration; its best rivals, as the study ranked them; fresh random configurations of the study's space
    trainings     each with some fresh seeds, as a trial of the study trains; the rows dealt out anew, so that dev rows are others
    verdict       still best, no longer distinguishable, or beaten, as `diagnosis.staleness` says it

Seeds follow from the study's seed and the number of the re-test, and
no trial has them. Parts that the study was given (dev=, test=) belong to the old data: with new data all parts are drawn from that. What
later re-tests compare with, and `due`, is kept with the study; its winner and its model stay as they are.
Knows nothing of: terminals, when a re-test is due.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from osetra.core.errors import StoreError, StudyError
from osetra.core.ports import Progress
from osetra.core.records import Event, Task
from osetra.core.seeding import Seed
from osetra.diagnosis.staleness import FEWEST_SEEDS, Entry, Staleness, Verdict, judge
from osetra.study.apply import writable
from osetra.study.asked import IN_MEMORY, OF_DATA, data_of, options_of
from osetra.study.beginning import Silence, compile_engine, require_seed
from osetra.study.budget import Budget
from osetra.study.budget import seconds as parse_seconds
from osetra.study.candidates import Candidate, Move, affordable, choose, moves
from osetra.study.retraining import Training, train_all

if TYPE_CHECKING:
    from osetra.study.handle import Study
    from osetra.study.table import PreparedTable

KEY = "retests"
"""Of the study's facts: a list of what every re-test found."""
BASIS = "retest_basis"
"""Of the study's facts: when, on what data and where the last re-test ran."""
EVENT = "retested"


@dataclass(frozen=True, slots=True, kw_only=True)
class Retest:
    """What a re-test found."""

    study: str
    at: datetime
    seed: int
    """With the same, the same data and no budget in seconds, a re-test comes out the same."""
    data: str
    """Path, or a word for data handed over in memory."""
    is_same_data: bool
    """Whether they are, row for row, those of the study."""
    rows: tuple[int, int]
    """Of training and dev."""
    candidates: tuple[Candidate, ...]
    """The winner first, then rivals in the study's order, then fresh ones: as in `found.standings`."""
    found: Staleness
    was_told_apart: bool | None
    """Whether the study could tell the winner from its trials that it cannot be told from now; None: not known, or there are none."""
    moves: tuple[Move, ...]
    """From the old winner to what beats it, the widest first; none where nothing does."""
    notes: tuple[str, ...]
    seconds: float

    @property
    def verdict(self) -> Verdict:
        return self.found.verdict

    @property
    def best(self) -> Candidate:
        """What beats the old winner, or the old winner."""
        return next((one for one in self.candidates if one.name == self.found.by), self.candidates[0])

    @property
    def sentence(self) -> str:
        """The verdict in words, with its interval."""
        if self.verdict is Verdict.INDISTINGUISHABLE and self.was_told_apart is False:
            # It never could.
            return f"{self.found.sentence.replace('No longer', 'Not', 1)}; the study could not tell them apart either"
        return self.found.sentence

    @property
    def moved(self) -> str:
        """Which hyperparameters moved, in words; empty where nothing beats the old winner."""
        if not self.moves:
            return ""
        told = [f"{one.name} {_short(one.old)} -> {_short(one.new)}" for one in self.moves]
        return f"What moved: {', '.join(told)}"

    def to_dict(self) -> dict[str, Any]:
        """JSON-able, as the study's facts keep it."""
        facts = self.found.to_dict()
        standings = facts.pop("standings")
        together = [
            {"trial": one.trial, "configuration": dict(one.configuration), **standing}
            for one, standing in zip(self.candidates, standings, strict=True)
        ]
        return {
            "study": self.study,
            "at": self.at.isoformat(timespec="seconds"),
            "seed": self.seed,
            "data": self.data,
            "is_same_data": self.is_same_data,
            "rows": list(self.rows),
            **facts,
            "sentence": self.sentence,
            "was_told_apart": self.was_told_apart,
            "candidates": together,
            "moves": [{name: getattr(one, name) for name in Move.__slots__} for one in self.moves],
            "notes": list(self.notes),
            "seconds": self.seconds,
        }


def retest(
    study: "Study",
    data: Any = None,
    *,
    y: Any = None,
    rivals: int = 3,
    fresh: int = 3,
    seeds: int = 3,
    budget: float | str | None = None,
    seed: int | None = None,
    progress: Progress | None = None,
    interrupted: Callable[[], bool] = lambda: False,
) -> Retest:
    """Train the old winner, its best rivals and fresh random configurations anew, and say what became of the winner.

    data, y: as in `fit`, with the target and the columns of the study's; None reads the study's data where they were, as they are now.
    rivals, fresh: how many of either, one at least in all. seeds: of each, 2 or more. budget: seconds or a text such as 60s, within which
    as many of them are trained as it pays for, the winner with 2 seeds at least; None: all of them, however long that takes. seed: None:
    the number of re-tests before this one, so that each has other seeds, other dev rows and other fresh configurations.

    The result is kept in the study's facts (`retests`) and as an event, where its store can be written. Raises StudyError for a study
    without a trained winner of osetra's own networks, data that cannot be read again, numbers that make no sense, a budget too short and
    when `interrupted` says so; DataError for data that do not suit.
    """
    began = time.monotonic()
    progress = progress or Silence()
    _require(study, rivals=rivals, fresh=fresh, seeds=seeds)
    limit = None if budget is None else Budget(seconds=parse_seconds(budget)).seconds
    number = len(study.facts.get(KEY, ())) if seed is None else require_seed(seed)
    keys = Seed(study=int(Seed(study=study.record.seed).key("retest", number)))
    table, notes = read_for_retest(study, data, y=y, seed=int(keys.key("split")))
    candidates = choose(study, rivals=rivals, fresh=fresh, seed=int(keys.key("fresh configurations")))
    if len(candidates) < 2:
        raise StudyError(
            f"a re-test needs another configuration than the winner's, got none: study {study.name!r} has no other and its space holds "
            "none; fit a study with a wider space"
        )
    if limit is not None:
        candidates, seeds, cut = affordable(study, candidates, seeds, seconds=limit, rows=table.training.num_rows)
        notes += cut
    progress.notice(_opening(candidates, seeds, table))
    began += compile_engine(progress)
    trained = train_all(
        study, table, [one.configuration for one in candidates], seeds=seeds, key=int(keys.key("trainings")),
        deadline=None if limit is None else began + limit, progress=progress, interrupted=interrupted,
    )  # fmt: skip
    if interrupted():
        raise StudyError("the re-test was interrupted before its end, so nothing of it is kept; begin it again")
    candidates, entries, left_out = _compared(candidates, trained)
    if left_out:
        notes.append(f"There was no time for {', '.join(left_out)}.")
    found = judge(entries, error_name=study.record.error_name, weights=table.training.dev_weights)
    fresh_ones = [one.name for one in candidates if one.trial is None]
    if len(fresh_ones) > 1 and set(fresh_ones) <= set(found.tied):
        notes.append(
            "None of the configurations drawn at random can be told from the winner: the choice matters little within this space, "
            "or it takes more rows or seeds to see it."
        )
    fingerprint = _fingerprint(table)
    best = next((one for one in candidates if one.name == found.by), None)
    result = Retest(
        study=study.name, at=datetime.now(UTC), seed=number, data=_place(study, data),
        is_same_data=fingerprint["sha256"] == study.facts["fingerprint"]["sha256"], rows=(table.training.num_rows, len(table.split.dev)),
        candidates=tuple(candidates), found=found, was_told_apart=_was_told_apart(study, candidates, found),
        moves=() if best is None else moves(study.space, candidates[0].configuration, best.configuration), notes=tuple(notes),
        seconds=time.monotonic() - began,
    )  # fmt: skip
    _keep(study, result, fingerprint)
    return result


def read_for_retest(study: "Study", data: Any = None, *, y: Any = None, seed: int) -> "tuple[PreparedTable, list[str]]":
    """The study's data as they are now, or other data, dealt out by this seed and prepared anew; and what is to be said of that."""
    from osetra.study.table import PreparedTable

    options = options_of(study)
    given = {name: options[name] for name in OF_DATA}
    notes = []
    parts = [part for part in ("dev", "test") if isinstance(given[part], str)]
    if data is not None and parts:
        given |= {"dev": None, "test": True, "sizes": None}
        notes.append(f"The study was given its {' and '.join(parts)} part; on new data all parts were drawn from them.")
    sizes = given["sizes"]
    if sizes is not None and sum(sizes) > 1.5:
        # Rows of the old data; the new ones may be more or fewer.
        given["sizes"] = tuple(size / sum(sizes) for size in sizes)
    if data is None and (isinstance(given["dev"], str) or given["time_column"]):
        notes.append("Dev rows are those of the study where its data are the same: a part that was given, or the latest rows.")
    given["task"] = task_of(study)
    table = PreparedTable.of(data_of(study) if data is None else data, given.pop("target"), y=y, seed=seed, **given)
    if table.class_weights is not None:
        notes.append("Class weights count in these errors.")
    return table, notes


def task_of(study: "Study") -> str:
    """What `fit` is told of the task on other data: new classes may have come, but a number stays a number."""
    return "classification" if study.record.task.is_classification else str(study.record.task)


def _require(study: "Study", *, rivals: int, fresh: int, seeds: int) -> None:
    if study.record.task is Task.OBJECTIVE:
        raise StudyError(
            f"a re-test needs a study of osetra's own networks, got {study.name!r}, which tunes an objective; optimize it anew"
        )
    for name, value, least in (("rivals", rivals, 0), ("fresh", fresh, 0), ("seeds", seeds, FEWEST_SEEDS)):
        if isinstance(value, bool) or value < least:
            raise StudyError(f"{name} must be a whole number >= {least}, got {value}; leave it out for 3")
    if rivals + fresh < 1:
        raise StudyError("a re-test needs a rival or a fresh configuration to hold the winner against, got 0 of either; give 3")
    if not study.best.epochs:
        raise StudyError(f"a re-test needs a winner that was trained, got a study, {study.name!r}, without one")


def _place(study: "Study", data: Any) -> str:
    if data is None:
        return data_of(study)
    return str(Path(data).absolute()) if isinstance(data, str | Path) else IN_MEMORY


def _opening(candidates: Sequence[Candidate], seeds: int, table: "PreparedTable") -> str:
    known = sum(one.trial is not None for one in candidates) - 1
    return (
        f"Training the old winner, {known} rival{'s' if known != 1 else ''} and {len(candidates) - 1 - known} fresh "
        f"configuration{'s' if len(candidates) - 1 - known != 1 else ''} with {seeds} seeds each on {table.training.num_rows:,} rows, "
        f"{len(table.split.dev):,} dev."
    )


def _compared(candidates: Sequence[Candidate], trained: Sequence[Sequence[Training]]) -> tuple[list[Candidate], list[Entry], list[str]]:
    """The candidates that 2 trainings of came to their end, as the judge wants them, and the names of the others.

    Raises StudyError where the winner or all others are among the others.
    """
    kept = [place for place, trainings in enumerate(trained) if len(trainings) >= FEWEST_SEEDS]
    if not kept or kept[0] != 0 or len(kept) < 2:
        required = f"a re-test needs {FEWEST_SEEDS} trainings each of the old winner and another"
        raise StudyError(f"{required}, got {list(map(len, trained))} within the budget; give more seconds")
    entries = []
    for place in kept:
        errors = [one.errors for one in trained[place] if one.errors is not None]
        diverged = len(trained[place]) - len(errors)
        entries.append(Entry(name=candidates[place].name, errors=errors, diverged=diverged, is_old=candidates[place].trial is not None))
    return [candidates[place] for place in kept], entries, [one.name for place, one in enumerate(candidates) if place not in kept]


def _was_told_apart(study: "Study", candidates: Sequence[Candidate], found: Staleness) -> bool | None:
    """Whether the study could tell its winner from those of its trials that it cannot be told from now."""
    from osetra.diagnosis.intervals import Measured
    from osetra.diagnosis.ranking import rank

    tied = {one.trial for one in candidates if one.name in found.tied and one.trial is not None}
    dev = study.facts.get("dev")
    if not tied or dev is None:
        return None
    ranking = rank(
        study.store.trials(study.name), best=study.store.trial(study.name, study.best.number), space=study.space,
        error_name=study.record.error_name, dev=Measured(**dev), finals=study.facts.get("finals_results") or (),
    )  # fmt: skip
    if ranking is None or ranking.tied is None:
        return None
    return not tied <= set(ranking.tied)


def _fingerprint(table: "PreparedTable") -> dict[str, Any]:
    from osetra.study.environment import fingerprint

    return fingerprint(table.dataset.features, table.dataset.target)


def _keep(study: "Study", result: Retest, fingerprint: Mapping[str, Any]) -> None:
    """In the study's record, and in its store if that takes it, with an event."""
    from osetra.executors.threads import available_cores
    from osetra.study.environment import environment

    facts = result.to_dict()
    basis = {"at": facts["at"], "data": result.data, "fingerprint": dict(fingerprint), "environment": environment(available_cores())}

    def with_it(known: Mapping[str, Any]) -> dict[str, Any]:
        return {**known, KEY: [*known.get(KEY, ()), facts], BASIS: basis}

    study.record = replace(study.record, facts=with_it(study.record.facts))
    told = {name: facts[name] for name in ("verdict", "by", "sentence", "seed", "data")}
    event = Event(trial=result.candidates[0].trial, epoch=None, kind=EVENT, detail=told, at=result.at)
    # The handle knows it also where the store cannot be written.
    with suppress(StoreError):
        store = writable(study)
        try:
            known = store.study(study.name)
            store.update_study(replace(known, facts=with_it(known.facts)))
            store.record(study.name, events=[event])
        finally:
            if store is not study.store:
                store.close()


def _short(value: Any) -> str:
    from osetra.report import words

    return "none" if value is None else words.value(value, figures=3)
