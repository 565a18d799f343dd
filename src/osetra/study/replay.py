"""`Study.replay`: a trial trained once more from its first epoch, by all that was done to it.

On the study's own data that comes to the same bits, steered or not; on other data it is the same schedule of settings.
Knows nothing of: how trials are steered while they train.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from osetra.core.errors import StudyError
from osetra.core.records import EpochRecord
from osetra.core.seeding import Seed
from osetra.engines.port import Member
from osetra.study.asked import OF_DATA, options_of, reopen
from osetra.study.past import Past
from osetra.training.life import Life
from osetra.training.recipe import build_member
from osetra.training.steering import Script, live_by

if TYPE_CHECKING:
    from osetra.core.records import Configuration
    from osetra.study.handle import Study
    from osetra.study.table import PreparedTable


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """A trial's second life."""

    trial: int
    recorded: Sequence[EpochRecord]
    curve: Sequence[EpochRecord]
    life: Life
    """With the weights now and at the best epoch."""
    on_other_data: bool

    @property
    def differs(self) -> int | None:
        """The first epoch that came out otherwise than recorded; None: all are the same to the bit."""
        for now, then in zip(self.curve, self.recorded, strict=False):
            if (now.train_cost, now.train_error, now.dev_loss, now.dev_error) != (
                then.train_cost, then.train_error, then.dev_loss, then.dev_error,
            ):  # fmt: skip
                return now.epoch
        return None if len(self.curve) == len(self.recorded) else min(len(self.curve), len(self.recorded)) + 1

    @property
    def sentence(self) -> str:
        """What came of it."""
        best = min(self.curve, key=lambda record: (record.dev_error, record.dev_loss), default=None)
        told = f"Trial {self.trial} trained once more, {len(self.curve)} epochs" + (
            f", best dev error {best.dev_error:.4g}" if best else ""
        )
        if self.on_other_data:
            return f"{told}, on other data."
        return f"{told}: {'the same to the bit.' if self.differs is None else f'otherwise than recorded from epoch {self.differs} on.'}"

    def to_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "trial": self.trial, "epochs": len(self.curve), "differs": self.differs, "on_other_data": self.on_other_data,
            "sentence": self.sentence, "dev_error": min((record.dev_error for record in self.curve), default=None),
        }  # fmt: skip


def replay(study: "Study", trial: int, data: Any = None, *, y: Any = None) -> Replayed:
    """Train a trial once more, from the start to the epoch where it stands.

    data, y: as in `fit`; None: the study's own, read where they were. Other data are split and prepared by the study's options. Raises
    StudyError for a study of an objective, an unknown trial, one that trained no epoch, and data that cannot be read.
    """
    from osetra.engines.native.engine import NativeEngine

    record = study.trial(trial)
    if record.epochs == 0:
        raise StudyError(f"trial {trial} has trained no epoch, so there is nothing to replay; choose another")
    table = _table(study, data, y)
    past = Past.of(study.store, study.name)
    total = int(study.facts["epochs_per_trial"])
    seed = Seed(study=study.record.seed, trial=past.seeds.get(trial, trial))

    def build(configuration: "Configuration", epochs: int) -> Member:
        return build_member(
            configuration, num_inputs=table.training.train_inputs.shape[1], num_outputs=table.preparation.num_outputs,
            task=study.record.task, seed=seed, total_epochs=epochs,
        )  # fmt: skip

    life = Life(build(record.configuration, total), NativeEngine(), table.training, epochs=total, patience=study.facts.get("patience"))
    recorded = study.curve(trial)
    live_by(life, Script(record.configuration, total, past.scripts.get(trial, ())), build, len(recorded))
    return Replayed(trial=trial, recorded=recorded, curve=life.standing.curve, life=life, on_other_data=_is_other(study, table))


def _table(study: "Study", data: Any, y: Any) -> "PreparedTable":
    from osetra.study.table import PreparedTable

    if data is None:
        return reopen(study)
    options: Mapping[str, Any] = options_of(study)
    return PreparedTable.of(
        data, options["target"], y=y, seed=study.record.seed, **{name: options[name] for name in OF_DATA if name != "target"}
    )


def _is_other(study: "Study", table: "PreparedTable") -> bool:
    from osetra.study.environment import fingerprint

    return fingerprint(table.dataset.features, table.dataset.target)["sha256"] != study.facts["fingerprint"]["sha256"]
