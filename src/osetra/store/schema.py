"""The tables, as the newest migration leaves them.

    studies --< trials --< epochs (the curve)
       |           |
       |           +--< checkpoints --< checkpoint_data
       |           |
       +-----------+--< events, commands
       |
       `--- writers, changes (at most one a study)

Epochs are keyed by (study, trial, epoch) and lie in that order, without a row id: a curve is one stretch of the file. The data of a
checkpoint lie in a table of their own, in parts, so that a list of checkpoints reads none of it and no value is larger than databases
take. What is deleted leaves pages that later writes fill: a file stays as large as it once had to be, and needs no auto_vacuum.

Knows nothing of: records, and how an older database is brought here (`migrations/`).
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Dialect,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)

VERSION = "osetra_0003"
"""The revision of the newest migration; a database of this version is used as it is."""


class _SqliteDouble(Double):
    """A double that keeps NaN apart from NULL.

    SQLite would store NaN as NULL. The text NaN is kept instead, which its REAL columns leave as it is and sort after every number, as
    PostgreSQL sorts its NaN. (SQLite gives -0.0 back as 0.0.)
    """

    def bind_processor(self, dialect: Dialect) -> Any:  # noqa: ARG002
        # NaN is the one number that differs from itself.
        return lambda value: value if value == value else "NaN"

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:  # noqa: ARG002
        return lambda value: float(value) if isinstance(value, str) else value


metadata = MetaData()

# SQLite counts row ids up by itself only for its own INTEGER.
_COUNTED = BigInteger().with_variant(Integer, "sqlite")
_EXACT = Double().with_variant(_SqliteDouble(), "sqlite")

studies = Table(
    "studies",
    metadata,
    Column("id", _COUNTED, primary_key=True),
    Column("name", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("finished", BigInteger),
    Column("task", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("seed", Text, nullable=False),
    Column("error_name", Text, nullable=False),
    Column("facts", Text, nullable=False),
    UniqueConstraint("name", name="studies_name"),
)

trials = Table(
    "trials",
    metadata,
    Column("study_id", BigInteger, ForeignKey("studies.id", name="trials_study"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("configuration", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("epochs", Integer, nullable=False),
    Column("best_epoch", Integer),
    Column("dev_error", _EXACT),
    Column("dev_loss", _EXACT),
    Column("train_error", _EXACT),
    Column("seconds", _EXACT, nullable=False),
    Column("num_parameters", BigInteger),
    PrimaryKeyConstraint("study_id", "number", name="trials_key"),
    sqlite_with_rowid=False,
)
# Covers the order, the filter and the paging, so that only the rows of the page itself are read.
Index("trials_by_dev_error", trials.c.study_id, trials.c.dev_error, trials.c.number, trials.c.state)
# Covers the counts; finds the few in a rare state.
Index("trials_by_state", trials.c.study_id, trials.c.state, trials.c.number)

epochs = Table(
    "epochs",
    metadata,
    Column("study_id", BigInteger, nullable=False),
    Column("trial", Integer, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("train_cost", _EXACT, nullable=False),
    Column("train_error", _EXACT, nullable=False),
    Column("dev_loss", _EXACT, nullable=False),
    Column("dev_error", _EXACT, nullable=False),
    Column("seconds", _EXACT, nullable=False),
    PrimaryKeyConstraint("study_id", "trial", "epoch", name="epochs_key"),
    ForeignKeyConstraint(["study_id", "trial"], ["trials.study_id", "trials.number"], name="epochs_trial"),
    sqlite_with_rowid=False,
)

events = Table(
    "events",
    metadata,
    Column("id", _COUNTED, primary_key=True),
    Column("study_id", BigInteger, ForeignKey("studies.id", name="events_study"), nullable=False),
    Column("trial", Integer),
    Column("epoch", Integer),
    Column("kind", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    ForeignKeyConstraint(["study_id", "trial"], ["trials.study_id", "trials.number"], name="events_trial"),
)
Index("events_by_trial", events.c.study_id, events.c.trial, events.c.id)

commands = Table(
    "commands",
    metadata,
    Column("id", _COUNTED, primary_key=True),
    Column("study_id", BigInteger, ForeignKey("studies.id", name="commands_study"), nullable=False),
    Column("trial", Integer),
    Column("kind", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("answer", Text, nullable=False),
    Column("epoch", Integer),
    Column("answered", BigInteger),
    ForeignKeyConstraint(["study_id", "trial"], ["trials.study_id", "trials.number"], name="commands_trial"),
)
Index("commands_by_study", commands.c.study_id, commands.c.id)
# Finds the few that wait among all that were answered.
Index("commands_by_state", commands.c.study_id, commands.c.state, commands.c.id)

checkpoints = Table(
    "checkpoints",
    metadata,
    Column("study_id", BigInteger, nullable=False),
    Column("trial", Integer, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("why", Text, nullable=False),
    Column("step", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("digest", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    PrimaryKeyConstraint("study_id", "trial", "epoch", name="checkpoints_key"),
    ForeignKeyConstraint(["study_id", "trial"], ["trials.study_id", "trials.number"], name="checkpoints_trial"),
    sqlite_with_rowid=False,
)

checkpoint_data = Table(
    "checkpoint_data",
    metadata,
    Column("study_id", BigInteger, nullable=False),
    Column("trial", Integer, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("part", Integer, nullable=False),
    Column("data", LargeBinary, nullable=False),
    PrimaryKeyConstraint("study_id", "trial", "epoch", "part", name="checkpoint_data_key"),
    ForeignKeyConstraint(
        ["study_id", "trial", "epoch"],
        ["checkpoints.study_id", "checkpoints.trial", "checkpoints.epoch"],
        name="checkpoint_data_checkpoint",
    ),
)

writers = Table(
    "writers",
    metadata,
    Column("study_id", BigInteger, ForeignKey("studies.id", name="writers_study"), primary_key=True, autoincrement=False),
    Column("owner", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("machine", Text, nullable=False),
    Column("pid", BigInteger, nullable=False),
    Column("started", Text, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("beat", BigInteger, nullable=False),
)

# Apart from the study's own row, which is long, and would be written anew several times a second.
changes = Table(
    "changes",
    metadata,
    Column("study_id", BigInteger, ForeignKey("studies.id", name="changes_study"), primary_key=True, autoincrement=False),
    Column("count", BigInteger, nullable=False),
)
