"""How often a study was changed.

A migration is history: it repeats what it needs of the schema rather than import what may change later.
"""

import sqlalchemy as sa
from alembic import op

revision = "osetra_0003"
down_revision = "osetra_0002"


def upgrade() -> None:
    op.create_table(
        "changes",
        sa.Column("study_id", sa.BigInteger, sa.ForeignKey("studies.id", name="changes_study"), primary_key=True, autoincrement=False),
        sa.Column("count", sa.BigInteger, nullable=False),
    )
