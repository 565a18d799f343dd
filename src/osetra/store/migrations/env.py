"""Runs migrations over the connection that `osetra.store.versions` hands over, inside its transaction."""

from alembic import context

from osetra.store.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
