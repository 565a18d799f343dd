"""Whatever is asked of the trials of a running study, and however often it breaks off: each can be repeated to the bit."""

import queue
import threading
import time
from collections import deque
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from unittest.mock import patch

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from osetra.core.records import Command, CommandState, Study, StudyState, Task, TrialState
from osetra.engines.native.engine import NativeEngine
from osetra.engines.port import TrainingData
from osetra.search.random import RandomSampler
from osetra.search.schedulers import Asha, Plain
from osetra.space.scales import choice, log
from osetra.space.space import Space
from osetra.store.memory import MemoryStore
from osetra.study import loop as loop_module
from osetra.study import replay as replay_module
from osetra.study import workers as workers_module
from osetra.study.budget import Budget
from osetra.study.handle import Study as Handle
from osetra.study.loop import SearchLoop
from osetra.study.past import Past
from osetra.study.replay import replay
from osetra.study.terms import Plan
from osetra.training.shelf import ARRAYS

SPACE = Space({"learning_rate": log(1e-3, 1e-1), "hidden_units": choice(2, 3, 5), "batch_size": 8, "num_layers": 1, "keep_prob": 0.8})
TRIALS, EPOCHS = 3, 12


def toy():
    generator = np.random.default_rng(0)
    inputs = generator.normal(size=(60, 4)).astype(np.float32)
    labels = (inputs[:, 0] + inputs[:, 1] > 0).astype(np.int64)
    return TrainingData(train_inputs=inputs[:40], train_targets=labels[:40], dev_inputs=inputs[40:], dev_targets=labels[40:])


TABLE = SimpleNamespace(training=toy(), preparation=SimpleNamespace(num_outputs=2))


class Killed(BaseException):
    """Ends a study as a kill does: nothing is recorded behind it."""


class Steps:
    """Stands in for the pool of threads: does one piece of work when told to, and then only."""

    def __init__(self, *_, **__):
        self.waiting = deque()

    def submit(self, work, *given):
        future = Future()
        self.waiting.append((future, work, given))
        return future

    def step(self):
        while self.waiting:
            future, work, given = self.waiting.popleft()
            if future.set_running_or_notify_cancel():
                work(*given)
                future.set_result(None)
                return

    def shutdown(self, **_):
        while self.waiting:
            self.waiting.popleft()[0].cancel()


class Running:
    """A study in a thread of its own, which goes a turn further when told to: it looks for commands, and then trains one slice or epoch."""

    def __init__(self, store, *, search, patience, past=None, seconds=None):
        plan = Plan(
            study="s", task=Task.BINARY, num_outputs=2, seed=7, epochs_per_trial=EPOCHS, patience=patience, budget=Budget(trials=TRIALS),
            workers=1, deadline=None if seconds is None else time.monotonic() + seconds,
        )  # fmt: skip
        made = search(RandomSampler(SPACE, seed=7), last=EPOCHS, budget=None, trials=TRIALS)
        self.loop = SearchLoop(
            plan, search=made, engine=NativeEngine(), data=TABLE.training, store=store, progress=self, past=past,
            interrupted=lambda: self.is_interrupted,
        )  # fmt: skip
        self._found, self.loop.found = self.loop.found, self._note_and_find
        self.weights = {}
        """Of the trials in hand, when the study ended."""
        self.is_over = self.is_interrupted = self.is_free = self.is_killed = False
        self.turns_left = 5000
        """Once nobody tells it when to go."""
        self.trouble = None
        self._go, self._came = queue.SimpleQueue(), queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        self._came.get()

    def _run(self):
        try:
            self.loop.run()
        except Killed:
            pass
        except BaseException as trouble:  # noqa: BLE001 -- shown by the thread that started this one
            self.trouble = trouble
        self.is_over = True
        self._came.put(None)

    def _note_and_find(self):
        # What is found has the best epoch's weights in place of the last one's.
        desk, trials = self.loop._desk, self.loop._ledger.trials
        self.weights = {number: weights(desk.life(number)) for number in trials if desk.owns(number)}
        return self._found()

    def notice(self, text):
        pass

    def update(self, facts):
        if not self.is_free:
            self._came.put(None)
            self._go.get()
        self.turns_left -= self.is_free
        assert self.turns_left > 0, "the study does not come to its end"
        if self.is_killed:
            raise Killed
        self.loop._workers._pool.step()

    def turn(self):
        self._go.put(None)
        self._came.get()

    def end(self):
        self.is_free = True
        if not self.is_over:
            self._go.put(None)
        self._thread.join()
        assert self.trouble is None, repr(self.trouble)
        self.loop.close()


SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "learning_rate": st.sampled_from([1e-3, 0.02, 0.3]),
        "schedule": st.sampled_from(["constant", "cosine"]),
        "l2": st.sampled_from([0.0, 1.0]),
        "keep_prob": st.sampled_from([0.5, 1.0]),
        "batch_size": st.sampled_from([4, 16]),
        "momentum": st.just(0.5),
    },
)
PLACE = st.integers(0, 5)
BACK = st.integers(0, 6) | st.just("best")
"""Epochs back from where a trial stands."""


def stepping():
    """From now on, until it is closed, the loop looks for commands in every turn and has its work done by `Steps`."""
    stack = ExitStack()
    for where, name, instead in (
        (loop_module, "FLUSH_S", 0.0), (workers_module, "ThreadPoolExecutor", Steps),
        (replay_module, "_table", lambda *_: TABLE), (replay_module, "_is_other", lambda *_: False),
    ):  # fmt: skip
        stack.enter_context(patch.object(where, name, instead))
    return stack


def a_study(patience):
    return Study(
        name="s", state=StudyState.RUNNING, created=datetime.now(UTC), task=Task.BINARY, target="y", source="toy", seed=7,
        error_name="error rate", facts={"epochs_per_trial": EPOCHS, "patience": patience},
    )  # fmt: skip


def a_command(trial, kind, detail):
    return Command(trial=trial, kind=kind, detail=detail, who="ada", at=datetime.now(UTC))


def test_a_trial_in_hand_that_the_clock_cuts_short_says_so_and_is_as_it_was_for_who_goes_on():
    store = MemoryStore()
    store.create_study(a_study(None))
    with stepping():
        running = Running(store, search=Plain, patience=None, seconds=1000.0)
        while not store.trials("s") or store.trial("s", 0).epochs < 2:
            running.turn()
        store.add_command("s", a_command(0, "extend", {"epochs": 100}))
        while store.commands("s", state=CommandState.WAITING) or store.trial("s", 0).epochs < 4:
            running.turn()
        running.loop._plan = running.loop._workers._plan = replace(running.loop._plan, deadline=time.monotonic())
        running.end()
        cut = store.trial("s", 0)
        assert (cut.state, cut.reason) == (TrialState.STOPPED, f"the time was up after {cut.epochs} of {EPOCHS + 100} epochs")
        assert 4 <= cut.epochs < EPOCHS
        running = Running(store, search=Plain, patience=None, past=Past.of(store, "s"))
        running.end()
        assert (store.trial("s", 0).state, store.trial("s", 0).epochs) == (TrialState.FINISHED, EPOCHS + 100)
        again = replay(Handle(store.study("s"), store), 0)
        assert again.differs is None
        assert weights(again.life) == running.weights[0]


def test_a_trial_in_hand_whose_checkpoint_is_damaged_is_brought_back_by_training_it_from_its_start():
    store = MemoryStore()
    store.create_study(a_study(None))
    with stepping():
        running = Running(store, search=Plain, patience=None)
        while not store.trials("s") or store.trial("s", 0).epochs < 3:
            running.turn()
        store.add_command("s", a_command(0, "set", {"settings": {"learning_rate": 0.02}}))
        while not store.checkpoints("s", trial=0):
            running.turn()
        running.is_killed = True
        running.end()
        [kept] = store.checkpoints("s", trial=0)
        held = store._kept("s").checkpoints
        held[0, kept.epoch] = (held[0, kept.epoch][0], b"damaged")
        running = Running(store, search=Plain, patience=None, past=Past.of(store, "s"))
        running.end()
        assert (store.trial("s", 0).state, store.trial("s", 0).epochs) == (TrialState.FINISHED, EPOCHS)
        again = replay(Handle(store.study("s"), store), 0)
        assert again.differs is None
        assert weights(again.life) == running.weights[0]


class Steering(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.patches = stepping()
        self.store, self.running = MemoryStore(), None

    @initialize(search=st.sampled_from([Plain, Asha]), patience=st.sampled_from([None, 2]))
    def begin(self, search, patience):
        self.how = {"search": search, "patience": patience}
        self.store.create_study(a_study(patience))
        self.running = Running(self.store, **self.how)

    def turn(self, turns):
        for _ in range(turns):
            if not self.running.is_over:
                self.running.turn()

    @rule(turns=st.integers(1, 30))
    def train(self, turns):
        self.turn(turns)

    @rule(place=PLACE, settings=SETTINGS)
    def set(self, place, settings):
        self.ask(place, "set", {"settings": settings})

    @rule(place=PLACE, kind=st.sampled_from(["pause", "continue", "stop"]))
    def have_it_stand_still_or_go_on(self, place, kind):
        self.ask(place, kind, {})

    @rule(place=PLACE, epochs=st.integers(1, 5))
    def extend(self, place, epochs):
        self.ask(place, "extend", {"epochs": epochs})

    @rule(place=PLACE, back=BACK)
    def roll_back(self, place, back):
        self.ask(place, "rollback", lambda trial: {"epoch": before(trial, back)})

    @rule(place=PLACE, back=BACK | st.none(), settings=SETTINGS)
    def branch(self, place, back, settings):
        self.ask(place, "branch", lambda trial: {"settings": settings} | ({} if back is None else {"epoch": before(trial, back)}))

    def ask(self, place, kind, detail):
        """Of some trial; the study goes on until there is an answer, or for a while."""
        trials = self.store.trials("s", order_by="number")
        if not trials or self.running.is_over:
            return
        trial = trials[place % len(trials)]
        detail = detail(trial) if callable(detail) else detail
        self.store.add_command("s", a_command(trial.number, kind, detail))
        for _ in range(20):
            self.turn(1)
            if not self.store.commands("s", state=CommandState.WAITING):
                break

    @rule(killed=st.booleans())
    def break_off_and_resume(self, killed):
        if killed:
            self.running.is_killed = True
        else:
            self.running.is_interrupted = True
        self.running.end()
        if not killed:
            self.all_said()
        self.running = Running(self.store, **self.how, past=Past.of(self.store, "s"))

    def all_said(self):
        """The study has ended: every command has its answer, and no trial is said to be running."""
        assert not self.store.commands("s", state=CommandState.WAITING)
        assert all(trial.state.is_over for trial in self.store.trials("s"))

    def teardown(self):
        try:
            if self.running is None:
                return
            self.running.end()
            self.all_said()
            study = Handle(self.store.study("s"), self.store)
            for trial in study.trials():
                curve = study.curve(trial.number)
                assert trial.state is not TrialState.FAILED, trial.reason
                assert [record.epoch for record in curve] == list(range(1, trial.epochs + 1))
                if not curve:
                    continue
                again = replay(study, trial.number)
                assert again.differs is None, (trial, again.differs)
                assert self.running.weights.get(trial.number, weights(again.life)) == weights(again.life)
        finally:
            self.patches.close()


def before(trial, back):
    return back if back == "best" else max(0, trial.epochs - back)


def weights(life):
    """Parameters, optimiser moments and running averages, now and at the best epoch."""
    return [(name, array, getattr(state, array).tobytes()) for name, state in life.states() for array in ARRAYS]


TestSteering = Steering.TestCase
TestSteering.settings = settings(max_examples=20, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck))
