"""How Alembic reaches the metadata store: on the connection, and in the transaction, of `adapters.migrate`."""

from __future__ import annotations

from alembic import context

from tensorfleet.adapters.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
