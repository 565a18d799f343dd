"""Commands, checkpoints with their data, and who writes a study.

A migration is history: it repeats what it needs of the schema rather than import what may change later.
"""

import sqlalchemy as sa
from alembic import op

revision = "osetra_0002"
down_revision = "osetra_0001"

_COUNTED = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "commands",
        sa.Column("id", _COUNTED, primary_key=True),
        sa.Column("study_id", sa.BigInteger, sa.ForeignKey("studies.id", name="commands_study"), nullable=False),
        sa.Column("trial", sa.Integer),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("answer", sa.Text, nullable=False),
        sa.Column("epoch", sa.Integer),
        sa.Column("answered", sa.BigInteger),
        sa.ForeignKeyConstraint(["study_id", "trial"], ["trials.study_id", "trials.number"], name="commands_trial"),
    )
    op.create_index("commands_by_study", "commands", ["study_id", "id"])
    op.create_index("commands_by_state", "commands", ["study_id", "state", "id"])
    op.create_table(
        "checkpoints",
        sa.Column("study_id", sa.BigInteger, nullable=False),
        sa.Column("trial", sa.Integer, nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("step", sa.BigInteger, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("study_id", "trial", "epoch", name="checkpoints_key"),
        sa.ForeignKeyConstraint(["study_id", "trial"], ["trials.study_id", "trials.number"], name="checkpoints_trial"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "checkpoint_data",
        sa.Column("study_id", sa.BigInteger, nullable=False),
        sa.Column("trial", sa.Integer, nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("part", sa.Integer, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("study_id", "trial", "epoch", "part", name="checkpoint_data_key"),
        sa.ForeignKeyConstraint(
            ["study_id", "trial", "epoch"],
            ["checkpoints.study_id", "checkpoints.trial", "checkpoints.epoch"],
            name="checkpoint_data_checkpoint",
        ),
    )
    op.create_table(
        "writers",
        sa.Column("study_id", sa.BigInteger, sa.ForeignKey("studies.id", name="writers_study"), primary_key=True, autoincrement=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("machine", sa.Text, nullable=False),
        sa.Column("pid", sa.BigInteger, nullable=False),
        sa.Column("started", sa.Text, nullable=False),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.Column("beat", sa.BigInteger, nullable=False),
    )
