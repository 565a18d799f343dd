"""Studies, trials, epochs and events.

A migration is history: it repeats what it needs of the schema rather than import what may change later.
"""

import sqlalchemy as sa
from alembic import op

revision = "osetra_0001"
down_revision = None

_COUNTED = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "studies",
        sa.Column("id", _COUNTED, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("finished", sa.BigInteger),
        sa.Column("task", sa.Text, nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("seed", sa.Text, nullable=False),
        sa.Column("error_name", sa.Text, nullable=False),
        sa.Column("facts", sa.Text, nullable=False),
        sa.UniqueConstraint("name", name="studies_name"),
    )
    op.create_table(
        "trials",
        sa.Column("study_id", sa.BigInteger, sa.ForeignKey("studies.id", name="trials_study"), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("configuration", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("epochs", sa.Integer, nullable=False),
        sa.Column("best_epoch", sa.Integer),
        sa.Column("dev_error", sa.Double),
        sa.Column("dev_loss", sa.Double),
        sa.Column("train_error", sa.Double),
        sa.Column("seconds", sa.Double, nullable=False),
        sa.Column("num_parameters", sa.BigInteger),
        sa.PrimaryKeyConstraint("study_id", "number", name="trials_key"),
        sqlite_with_rowid=False,
    )
    op.create_index("trials_by_dev_error", "trials", ["study_id", "dev_error", "number", "state"])
    op.create_index("trials_by_state", "trials", ["study_id", "state", "number"])
    op.create_table(
        "epochs",
        sa.Column("study_id", sa.BigInteger, nullable=False),
        sa.Column("trial", sa.Integer, nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("train_cost", sa.Double, nullable=False),
        sa.Column("train_error", sa.Double, nullable=False),
        sa.Column("dev_loss", sa.Double, nullable=False),
        sa.Column("dev_error", sa.Double, nullable=False),
        sa.Column("seconds", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("study_id", "trial", "epoch", name="epochs_key"),
        sa.ForeignKeyConstraint(["study_id", "trial"], ["trials.study_id", "trials.number"], name="epochs_trial"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "events",
        sa.Column("id", _COUNTED, primary_key=True),
        sa.Column("study_id", sa.BigInteger, sa.ForeignKey("studies.id", name="events_study"), nullable=False),
        sa.Column("trial", sa.Integer),
        sa.Column("epoch", sa.Integer),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.ForeignKeyConstraint(["study_id", "trial"], ["trials.study_id", "trials.number"], name="events_trial"),
    )
    op.create_index("events_by_trial", "events", ["study_id", "trial", "id"])
