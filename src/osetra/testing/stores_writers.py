"""What any store must do with the one writer of a study: a part of `ControlContract` in `osetra.testing.stores_control`.

Knows nothing of: how a store keeps things.
"""

from collections.abc import Callable
from typing import Any

from osetra.core.errors import StudyError
from osetra.core.ports import Store
from osetra.core.records import CommandState
from osetra.testing.stores_made import (
    NOON,
    everything,
    make_checkpoint,
    make_command,
    make_epoch,
    make_event,
    make_study,
    make_trial,
    refusal,
    together,
)


class WritersContract:
    """Every method takes an empty store."""

    def test_a_study_has_one_writer(self, store: Store) -> None:
        store.create_study(make_study())
        store.claim("mine", "osetra fit")
        with refusal(StudyError, "one writer", "'mine'", "'osetra fit' (process", "since 20", "sign of life", "wait for it, stop it"):
            store.claim("mine", "osetra resume")
        store.claim("mine", "osetra fit")
        store.beat("mine", "osetra fit")
        store.release("mine", "osetra fit")
        store.claim("mine", "osetra resume")
        with refusal(StudyError, "'osetra resume' (process"):
            store.claim("mine", "osetra fit")

    def test_claims_on_two_studies_do_not_meet(self, store: Store) -> None:
        for name in ("one", "two"):
            store.create_study(make_study(name))
            store.claim(name, f"writer of {name}")
        store.release("one", "writer of one")
        with refusal(StudyError, "'writer of two'"):
            store.claim("two", "writer of one")

    def test_only_its_holder_gives_a_study_back(self, store: Store) -> None:
        store.create_study(make_study())
        store.release("mine", "nobody")
        store.claim("mine", "a")
        store.release("mine", "b")
        with refusal(StudyError, "'a' (process"):
            store.claim("mine", "b")

    def test_who_lost_a_study_hears_so_at_the_next_beat(self, store: Store) -> None:
        store.create_study(make_study())
        with refusal(StudyError, "'a' must hold study 'mine'", "no one holds it", "resume"):
            store.beat("mine", "a")
        store.claim("mine", "b")
        with refusal(StudyError, "'a' must hold study 'mine'", "written by 'b' (process", "resume"):
            store.beat("mine", "a")

    def test_who_lost_a_study_writes_nothing_into_it_any_more(self, store: Store) -> None:
        store.create_study(make_study())
        store.claim("mine", "a")
        command = {number: store.add_command("mine", make_command(None)) for number in (1, 2)}
        good: dict[str, Any] = {"trials": [make_trial(0)], "epochs": {0: [make_epoch(1)]}, "checkpoints": [make_checkpoint()]}
        store.record("mine", **good, owner="a")
        store.update_study(make_study(reason="of a"), owner="a")
        store.answer_command("mine", command[1], state=CommandState.DONE, answer="by a", at=NOON, owner="a")
        writes: list[Callable[[], None]] = [
            lambda: store.record("mine", trials=[make_trial(0, 0.5)], epochs={0: [make_epoch(2)]}, events=[make_event()], owner="a"),
            lambda: store.record("mine", rolled_back={0: 0}, owner="a"),
            lambda: store.record("mine", owner="a"),
            lambda: store.update_study(make_study(reason="of a, again"), owner="a"),
            lambda: store.drop_checkpoints("mine", [(0, 1)], owner="a"),
            lambda: store.answer_command("mine", command[2], state=CommandState.DONE, answer="by a", at=NOON, owner="a"),
        ]

        def held() -> object:
            kept = [(one, store.checkpoint("mine", one.trial, one.epoch)) for one in store.checkpoints("mine")]
            return everything(store, "mine"), store.study("mine"), list(store.commands("mine")), kept

        before = held()
        store.release("mine", "a")
        for words in (("no one holds it",), ("written by 'b' (process",)):
            for write in writes:
                with refusal(StudyError, "'a' must hold study 'mine'", *words, "resume"):
                    write()
            assert held() == before
            store.claim("mine", "b")
        store.drop_checkpoints("mine", [(0, 1)], owner="b")
        store.answer_command("mine", command[2], state=CommandState.DONE, answer="by b", at=NOON, owner="b")
        assert not store.checkpoints("mine")

    def test_who_claimed_nothing_may_write_a_study_that_somebody_holds(self, store: Store) -> None:
        store.create_study(make_study())
        store.claim("mine", "a")
        store.record("mine", trials=[make_trial(0)])
        store.update_study(make_study(reason="of nobody"))
        assert store.study("mine").reason == "of nobody"
        store.beat("mine", "a")

    def test_of_many_threads_that_claim_a_study_one_gets_it(self, store: Store) -> None:
        store.create_study(make_study())
        claimed: list[str] = []

        def claim(owner: str) -> None:
            try:
                store.claim("mine", owner)
            except StudyError:
                return
            claimed.append(owner)

        together([lambda owner=owner: claim(owner) for owner in "abcd"])
        assert len(claimed) == 1
        store.beat("mine", claimed[0])
