"""The loop of a study: what a search hands out is trained, heard of and recorded, until the search ends or the budget does.

Each turn hands out what can be handed out (see `slices`), hears what the workers say (see `workers`), and a few times a second writes
what is new and has the desk look for commands. Timing and the number of workers change nothing; a budget in seconds decides only where
a study ends. Only this loop's thread writes the store.
Knows nothing of: files, tables, how a search decides, what the person sees.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from osetra.core.errors import StoreError, StudyError
from osetra.core.ports import Progress, Search, Store
from osetra.core.records import Command, Configuration
from osetra.engines.port import Engine, Member, TrainingData
from osetra.study.desk import Desk
from osetra.study.keeping import KEPT_BYTES, Keeping
from osetra.study.ledger import Ledger
from osetra.study.networks import Networks
from osetra.study.past import Past
from osetra.study.slices import Slices
from osetra.study.spending import Spending
from osetra.study.terms import Found, Plan
from osetra.study.watching import BABYSITTER, Watching
from osetra.study.workers import Workers
from osetra.training.babysitter import Mode

FLUSH_S = 0.25
FAILED = "the study failed"
LATE = "the time was up before the first epoch, which was trained all the same"
MORE_TIME = (
    "The time is up before the first epoch, which is trained all the same: reading the data and comparing its parts come first. "
    "A search needs a larger budget."
)


class SearchLoop:
    """One run of a search; `run` is called once."""

    def __init__(
        self,
        plan: Plan,
        *,
        search: Search,
        engine: Engine,
        data: TrainingData,
        store: Store,
        progress: Progress,
        interrupted: Callable[[], bool] = lambda: False,
        keeps: Callable[[int], bool] = lambda _number: False,
        winner: Callable[[], int | None] = lambda: None,
        keep_best: int = 1,
        memory_bytes: int = 2**30,
        checkpoint_bytes: int = KEPT_BYTES,
        past: Past | None = None,
        edit: Callable[[Command], str] | None = None,
        watched_by: Mapping[str, Mode] | None = None,
        suffix: str = "",
        in_hand: Configuration | None = None,
    ) -> None:
        """memory_bytes: in which trials that wait are kept; the others wait on disk. checkpoint_bytes: of those in the store.

        keep_best: how many of the best trials that are over keep their networks. keeps: others that do. past: what the store holds.

        winner: the trial that won finals; without one, the best trial is that of the lowest dev error. watched_by: the babysitter's mode
        by rule; suffix: of the commands that it tells. in_hand: the configuration of trial 0, which is in hand from the beginning, beside
        a search that hands out nothing; while it stands still, the study waits.
        """
        past = past or Past()
        self._plan, self._winner, self._in_hand = plan, winner, in_hand
        self._progress, self._interrupted = progress, interrupted
        self._ledger = Ledger(plan.study, store, past)
        watching = None
        if watched_by is not None and set(watched_by.values()) != {"off"}:
            watching = Watching(
                watched_by, study=plan.study, notice=progress.notice, suffix=suffix, past=past.events,
                record=lambda *what: self._ledger.event(*what, who=BABYSITTER),
            )  # fmt: skip
        self._workers = Workers(
            plan, engine=engine, data=data, store=store, past=past, tells_rates=watching is not None,
            has_come_to=lambda: self._ledger.epochs > 0 or self._ledger.ended > 0,
        )  # fmt: skip
        self._is_late = False
        """Whether the time was up before anything had come of the study; its first trial then trains an epoch all the same."""
        self._networks = Networks(
            self._ledger, self._workers, Keeping(checkpoint_bytes, known=past.last_checkpoints), keeps=keeps, keep_best=keep_best,
            memory_bytes=memory_bytes,
        )  # fmt: skip
        self._slices = Slices(
            plan, search, workers=self._workers, networks=self._networks, ledger=self._ledger, past=past, watching=watching,
            wants=lambda number: self._desk.wants(number),
        )  # fmt: skip
        self._desk = Desk(
            plan.study, self._workers, store, self._ledger, past, data, total=plan.epochs_per_trial, take=self._slices.take,
            edit=edit or _no_edit, leave=self._leave, watching=watching,
            counts_given_up=in_hand is not None and plan.budget.epochs is not None,
        )  # fmt: skip
        self._spending = Spending(plan.budget, plan.deadline)
        self._is_told_to_end = False
        """By a command; by Ctrl-C `interrupted` says so."""
        self._known_epochs = sum(len(past.curve(number)) for number in past.trials)
        """Recorded by an earlier run."""

    def run(self) -> Found:
        """Search until the budget is spent, the space is exhausted or the person interrupts.

        Raises StoreError if the store fails; `found` then still tells what there was. The loop is closed by `close`.
        """
        flushed = time.monotonic()
        workers, slices, desk = self._workers, self._slices, self._desk
        has_restored = False
        try:
            while True:
                self._check_clock()
                while workers.stop is None and slices.can_hand_out:
                    slices.hand_out()
                if not has_restored:
                    desk.restore()
                    has_restored, slices.is_recalling = True, False
                    if self._in_hand is not None and workers.stop is None and not desk.owns(0):
                        desk.begin(0, self._in_hand)
                if not slices.are_out and (workers.stop is not None or not self._has_work):
                    if workers.stop is None:
                        # What was asked of a trial last may have it train on.
                        self._ledger.flush()
                        desk.poll()
                    if workers.stop is not None or not self._has_work:
                        break
                slices.listen(timeout_s=FLUSH_S)
                now = time.monotonic()
                if now - flushed > FLUSH_S:
                    self._ledger.flush()
                    desk.poll()
                    self._progress.update(self._spending.facts(self._ledger))
                    flushed = now
            workers.finish()
            slices.listen()
            desk.end(workers.stop or "its search came to its end")
            self._ledger.end_rest(workers.stop or "not promoted", epochs_per_trial=self._plan.epochs_per_trial)
            found = self.found()
            self._ledger.flush()
            self._progress.update(self._spending.facts(self._ledger))
            desk.close(workers.stop or "its search came to its end")
            return found
        except StoreError:
            # What still trains ends with its epoch and is heard, so that the best is known; nothing more is written.
            workers.stop = FAILED
            workers.finish()
            slices.listen(timeout_s=FLUSH_S)
            raise
        finally:
            if slices.are_out:
                workers.stop = workers.stop or FAILED
            workers.finish()

    @property
    def _has_work(self) -> bool:
        """Whether there is something to do beside what the search hands out, or to wait for."""
        return self._desk.is_busy or (self._in_hand is not None and self._desk.stands_still)

    def _check_clock(self) -> None:
        workers = self._workers
        # A study that goes on first comes to where it was; else one that is stopped at once would have come to less.
        if workers.stop is None and self._ledger.epochs >= self._known_epochs and (self._is_told_to_end or self._interrupted()):
            workers.stop = "interrupted"
        is_over = self._plan.deadline is not None and time.monotonic() >= self._plan.deadline
        # What is recalled takes no time, and all of it counts.
        if workers.stop is None and is_over and not self._slices.is_recalling:
            # Who had the one model stand still before its first epoch wants none.
            if workers.clock_counts or (self._in_hand is not None and self._desk.stands_still):
                workers.stop = LATE if self._is_late and self._ledger.epochs else "the time was up"
            elif not self._is_late:
                self._is_late = True
                self._progress.notice(MORE_TIME)
        if workers.stop is not None:
            self._slices.call_back()

    def _leave(self) -> None:
        self._is_told_to_end = True

    def close(self) -> None:
        """Let go of the trials that wait."""
        self._networks.close()

    def found(self) -> Found:
        """What the search has come to so far."""
        winner = self._winner()
        best = self._ledger.best() if winner is None or winner not in self._networks else self._ledger[winner]
        members = {number: self._best_of(number) for number in self._networks.kept()}
        member = None
        if best is not None:
            if best.number not in self._networks and not self._desk.owns(best.number):
                self._networks.take_up(best.number)
            member = members[best.number] = self._best_of(best.number)
            if best.train_error is None and member is not None:
                best = self._ledger.change(best.number, train_error=self._workers.train_error_of(member))
        return Found(
            best=best,
            member=member,
            members={number: kept for number, kept in sorted(members.items()) if kept is not None},
            trials=[trial for _, trial in sorted(self._ledger.trials.items())],
            epochs=self._ledger.epochs,
            seconds=self._spending.seconds,
            ended=self._ended(),
            interrupted=self._workers.stop == "interrupted",
        )

    def _best_of(self, number: int) -> Member | None:
        """The network of a trial with the weights of its best epoch; None if it has none."""
        life = self._desk.life(number) if self._desk.owns(number) else self._networks.awake(number)
        if life.weights is None:
            return None
        life.member.state = life.weights
        return life.member

    def _ended(self) -> str:
        stop = self._workers.stop
        if stop is None and self._in_hand is not None and 0 in self._ledger.trials:
            return self._ledger[0].reason
        return self._spending.ended(stop if stop != FAILED else None, self._ledger)

    def note(self, kind: str, detail: Mapping[str, Any]) -> None:
        """Record an event of the study as a whole."""
        self._ledger.event(None, None, kind, dict(detail))

    def trainings_left(self, trials: Sequence[int]) -> float:
        """Full trainings like those of the given trials that the time still pays for; 0 where time is no bound or one has no epoch."""
        known = [self._ledger[number] for number in trials]
        if self._plan.deadline is None or not known or any(not trial.epochs for trial in known):
            return 0.0
        training_s = sum(trial.seconds / trial.epochs for trial in known) / len(known) * self._plan.epochs_per_trial
        return max(0.0, self._plan.deadline - time.monotonic()) * self._plan.workers / training_s


def _no_edit(_command: Command) -> str:
    raise StudyError("the space of this search cannot be edited; begin another study")
