"""Where Alembic runs the migrations: on the connection that `rechka.storage.migrate` hands over."""

from alembic import context

from rechka.storage.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
