"""What is made once for all tabs: how often, for whom, and how late."""

import threading

import pytest

from osetra.core.errors import StudyError
from osetra.ui.shared import EVERY_S, LONGEST_S, PATIENCE, Shared


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def shared(clock):
    return Shared(most=3, clock=clock, worked=clock)


def maker(made, value="it"):
    def make():
        made.append(value)
        return f"{value} {len(made)}"

    return make


def test_what_has_not_changed_is_made_once(shared):
    made = []
    for changing in (False, True, False):
        assert shared.get("mine", "key", 1, maker(made), is_changing=changing) == "it 1"
    assert shared.get("mine", "key", 2, maker(made), is_changing=False) == "it 2"
    assert shared.get("other", "key", 2, maker(made), is_changing=False) == "it 3"


def test_while_it_changes_it_is_made_once_in_a_while_and_whoever_has_an_old_one_hears_of_it(shared, clock):
    made = []
    shared.get("mine", "key", 0, maker(made), is_changing=True)
    assert shared.turn("mine") == 0
    for version in range(1, 20):
        clock.now += EVERY_S / 20
        assert shared.get("mine", "key", version, maker(made), is_changing=True) == "it 1"
    assert shared.turn("mine") == 0
    clock.now += EVERY_S / 10
    assert shared.turn("mine") == 1
    assert shared.turn("other") == 0
    assert shared.get("mine", "key", 19, maker(made), is_changing=True) == "it 2"
    assert shared.turn("mine") == 1


def test_what_takes_long_is_made_less_often_but_not_never(shared, clock):
    made = []

    def slow():
        clock.now += 1.0
        made.append(1)
        return len(made)

    shared.get("mine", "key", 0, slow, is_changing=True)
    clock.now += PATIENCE - 0.1
    assert shared.get("mine", "key", 1, slow, is_changing=True) == 1
    clock.now += 0.2
    assert shared.get("mine", "key", 1, slow, is_changing=True) == 2

    def slower():
        clock.now += 100.0

    shared.get("mine", "slower", 0, slower, is_changing=True)
    clock.now += LONGEST_S
    shared.get("mine", "slower", 1, lambda: made.append("again"), is_changing=True)
    assert made[-1] == "again"


def test_what_took_long_once_by_chance_is_made_as_often_as_before(shared, clock):
    for version, took in enumerate([0.01, 5.0, 0.01]):
        clock.now += EVERY_S

        def work(took=took):
            clock.now += took

        shared.get("mine", "key", version, work, is_changing=True)
    clock.now += EVERY_S
    assert shared.get("mine", "key", 9, lambda: "new", is_changing=True) == "new"


def test_once_it_is_over_nobody_is_handed_an_old_one(shared):
    made = []
    shared.get("mine", "key", 0, maker(made), is_changing=True)
    assert shared.get("mine", "key", 1, maker(made), is_changing=True) == "it 1"
    assert shared.get("mine", "key", 1, maker(made), is_changing=False) == "it 2"


def test_that_there_is_none_is_known_too_until_something_changes(shared):
    made = []

    def fail():
        made.append(1)
        raise StudyError("a figure needs trials, got none; let the study train")

    for _ in range(3):
        with pytest.raises(StudyError, match="needs trials, got none"):
            shared.get("mine", "key", 1, fail, is_changing=False)
    assert len(made) == 1
    assert shared.get("mine", "key", 2, lambda: "drawn", is_changing=False) == "drawn"


def test_only_the_last_ones_are_kept(shared):
    made = []
    for key in "abcd":
        shared.get("mine", key, 1, maker(made), is_changing=False)
    shared.get("mine", "b", 1, maker(made), is_changing=False)
    assert len(made) == 4
    shared.get("mine", "a", 1, maker(made), is_changing=False)
    assert len(made) == 5


def test_one_thread_makes_it_and_the_others_wait(shared):
    made, begun, go = [], threading.Event(), threading.Event()

    def make():
        begun.set()
        assert go.wait(10)
        made.append(1)
        return "drawn"

    got = []
    threads = [threading.Thread(target=lambda: got.append(shared.get("mine", "key", 1, make, is_changing=False))) for _ in range(8)]
    for thread in threads:
        thread.start()
    assert begun.wait(10)
    # Whoever has an older one takes that instead of waiting.
    go.set()
    for thread in threads:
        thread.join(10)
    assert got == ["drawn"] * 8
    assert made == [1]


def test_who_can_take_an_old_one_does_not_wait_for_the_new(shared, clock):
    shared.get("mine", "key", 0, lambda: "old", is_changing=True)
    clock.now += 10
    begun, go = threading.Event(), threading.Event()

    def make():
        begun.set()
        assert go.wait(10)
        return "new"

    thread = threading.Thread(target=lambda: shared.get("mine", "key", 1, make, is_changing=True))
    thread.start()
    assert begun.wait(10)
    assert shared.get("mine", "key", 1, make, is_changing=True) == "old"
    go.set()
    thread.join(10)
    assert shared.get("mine", "key", 1, make, is_changing=True) == "new"
    assert shared.turn("mine") == 1
