"""Which studies are due for a re-test: their last test is old, their data have drifted, or versions or hardware have changed since.

    age         so many days since the study ended, or since its last re-test
    data        the file read again and its sketch compared (`data.drift`): a column beyond the PSI, new, gone or of another kind; or twice
                or half as many rows
    versions    another major or minor version of osetra, numpy or numba, or of Python
    hardware    another processor or system

Each against what the last re-test saw, or else the study. A policy says how many days, how much drift and whether versions count; a study
may keep its own. Only studies of osetra's own networks that have a winner are looked at: others cannot be re-tested.
Knows nothing of: terminals, how a re-test goes.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from osetra.core.errors import DataError, StudyError
from osetra.core.records import StudyState, Task
from osetra.study.asked import IN_MEMORY, OF_DATA, options_of
from osetra.study.retest import BASIS, KEY, task_of

if TYPE_CHECKING:
    from osetra.study.handle import Study

POLICY = "retest_policy"
"""Of the study's facts, where it has a policy of its own."""
LIBRARIES = ("osetra", "numpy", "numba")
"""Those that training runs on."""
LONGEST_DAYS = 100_000.0
"""The oldest that a test may be allowed to be, some 270 years: an age beyond some millions of years could not be computed."""
GROWTH = 2.0
"""Times the rows, or one in so many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """When a study is due."""

    days: float = 90.0
    """Since the last test; 0: never by age."""
    drift: float = 0.2
    """PSI of a column; 0: never by data, which are then not read."""
    versions: bool = True
    """Whether versions and hardware count."""

    def __post_init__(self) -> None:
        for name in ("days", "drift"):
            value = getattr(self, name)
            if isinstance(value, bool) or not value >= 0:
                raise StudyError(f"{name} must be a number >= 0, got {value!r}; 0 leaves it out of the policy")
        if self.days > LONGEST_DAYS:
            raise StudyError(f"days must be at most {LONGEST_DAYS:,.0f}, got {self.days!r}; 0 leaves age out of the policy")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why a study is due."""

    kind: str
    """age, data, versions or hardware."""
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """How one study stands."""

    study: str
    tested: datetime
    """When it was last tested: its last re-test, or its end."""
    verdict: str | None
    """Of the last re-test; None where there was none."""
    policy: Policy
    reasons: tuple[Reason, ...]
    """None: it is not due."""
    notes: tuple[str, ...]
    """What could not be looked at."""

    def to_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "study": self.study,
            "due": bool(self.reasons),
            "tested": self.tested.isoformat(timespec="seconds"),
            "verdict": self.verdict,
            "policy": asdict(self.policy),
            "reasons": [asdict(reason) for reason in self.reasons],
            "notes": list(self.notes),
        }


def can_be_retested(study: "Study") -> bool:
    """Whether it is over, of osetra's own networks, and has a winner."""
    record = study.record
    return record.task is not Task.OBJECTIVE and record.state in (StudyState.FINISHED, StudyState.STOPPED) and "best" in record.facts


def policy_of(study: "Study", *, days: float | None = None, drift: float | None = None, versions: bool | None = None) -> Policy:
    """What was given, else what the study keeps, else the default. Raises StudyError for numbers that make no sense."""
    given = {name: value for name, value in (("days", days), ("drift", drift), ("versions", versions)) if value is not None}
    return Policy(**{**study.facts.get(POLICY, {}), **given})


def keep_policy(study: "Study", policy: Policy) -> None:
    """Have the study keep this policy. Raises StoreError where its store cannot be written."""
    from osetra.study.apply import writable

    store = writable(study)
    try:
        known = store.study(study.name)
        store.update_study(replace(known, facts={**known.facts, POLICY: asdict(policy)}))
    finally:
        if store is not study.store:
            store.close()
    study.record = replace(study.record, facts={**study.record.facts, POLICY: asdict(policy)})


def due(study: "Study", policy: Policy, *, data: Any = None, now: datetime | None = None) -> Due:
    """Whether a study is due under this policy, and why.

    data: as in `fit`, with the target in it; None: where the study's data, or those of its last re-test, were. What cannot be read is said
    in the notes. Raises StudyError for a study that cannot be re-tested.
    """
    if not can_be_retested(study):
        raise StudyError(
            f"a re-test needs a study of osetra's own networks that is over and has a winner, got {study.name!r}; fit one first"
        )
    facts = study.facts
    basis = facts.get(BASIS)
    tested = datetime.fromisoformat(basis["at"]) if basis else study.record.finished or study.record.created
    reasons, notes = [], []
    age = (now or datetime.now(UTC)) - tested
    if policy.days and age >= timedelta(days=policy.days):
        reasons.append(Reason(kind="age", sentence=f"last tested {age.days} days ago, with {policy.days:g} allowed"))
    if policy.drift:
        known = basis["fingerprint"] if basis else facts["fingerprint"]
        of_data, noted = _of_data(study, known, policy.drift, data)
        reasons += [Reason(kind="data", sentence=sentence) for sentence in of_data]
        notes += noted
    if policy.versions:
        reasons += _of_machine(basis["environment"] if basis else facts["environment"])
    history = facts.get(KEY) or ()
    return Due(
        study=study.name, tested=tested, verdict=history[-1]["verdict"] if history else None, policy=policy, reasons=tuple(reasons),
        notes=tuple(notes),
    )  # fmt: skip


def _of_data(study: "Study", known: Mapping[str, Any], threshold: float, data: Any) -> tuple[list[str], list[str]]:
    """Reasons and notes."""
    from osetra.data.drift import compare, named

    if data is None:
        basis = study.facts.get(BASIS)
        asked = study.facts.get("asked") or {"data": IN_MEMORY}
        data = basis["data"] if basis else asked["data"]
        if data == IN_MEMORY:
            return [], ["its data were handed over in memory, so they were not looked at"]
        if not Path(data).exists():
            return [], [f"its data are no longer at {data}, so they were not looked at"]
    try:
        now = _fingerprint(study, data)
    except (DataError, StudyError) as error:
        return [f"its data cannot be read as they were: {error}"], []
    if now["sha256"] == known["sha256"]:
        return [], []
    if "sketch" not in known:
        return ["its data have changed; how much, a study of this age does not know"], []
    drift = compare(known["sketch"], now["sketch"])
    moved, found = drift.beyond(threshold), []
    if moved:
        found.append(f"its data have drifted: {named(moved)}")
    before, after = drift.rows
    if not 1 / GROWTH < after / before < GROWTH:
        found.append(f"its data have {after:,} rows, where there were {before:,}")
    return found, []


def _fingerprint(study: "Study", data: Any) -> Mapping[str, Any]:
    """Of the data as a study sees them, without dealing rows out."""
    from osetra.data.images import Images
    from osetra.data.sources import read_table
    from osetra.data.tables import dataset
    from osetra.data.values import column_of
    from osetra.data.weights import column_weights
    from osetra.study.environment import fingerprint
    from osetra.study.table import PreparedTable

    options = {name: value for name, value in options_of(study).items() if name in OF_DATA}
    basis = study.facts.get(BASIS)
    of_study = basis is None or basis["data"] == (study.facts.get("asked") or {}).get("data")
    if of_study and any(isinstance(options[part], str) for part in ("dev", "test")):
        # With its parts, which the study's own fingerprint holds too.
        rows = PreparedTable.of(data, options.pop("target"), seed=study.record.seed, **options).dataset
        return fingerprint(rows.features, rows.target)
    target = options["target"] or study.record.target
    rows = dataset(read_table(data), target=target, task=task_of(study), drop=options["drop"])
    features, answers = rows.features, rows.target
    if not isinstance(features, Images):
        if options["weights"]:
            kept = np.flatnonzero(column_weights(column_of(features, options["weights"])) > 0)
            features, answers = features.take(kept).drop(columns=options["weights"]), answers.take(kept)
        features = features.drop(columns=options["groups"] or [])
    return fingerprint(features, answers)


def _of_machine(then: Mapping[str, Any]) -> list[Reason]:
    from osetra.study.environment import environment

    now = environment(1)
    known = {"python": then["python"], **{name: then["versions"].get(name) for name in LIBRARIES}}
    current = {"python": now["python"], **{name: now["versions"][name] for name in LIBRARIES}}
    changed = [
        f"{name} {known[name]} -> {current[name]}"
        for name in current
        if known[name] is not None and _minor(known[name]) != _minor(current[name])
    ]
    found = [Reason(kind="versions", sentence=f"versions have changed: {', '.join(changed)}")] if changed else []
    moved = [f"{then[name]} -> {now[name]}" for name in ("platform", "processor") if then[name] != now[name]]
    return [*found, *([Reason(kind="hardware", sentence=f"it ran on other hardware: {', '.join(moved)}")] if moved else [])]


def _minor(version: str) -> str:
    """`2.1` of `2.1.3`."""
    return ".".join(version.split(".")[:2])
