"""How Alembic reaches the metadata store."""

from __future__ import annotations

from alembic import context

from tensorfleet.adapters.database import Database
from tensorfleet.adapters.schema import metadata

url = context.config.get_main_option("sqlalchemy.url")
assert url is not None
database = Database(url)
with database.engine.connect() as connection:
    context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
database.close()
