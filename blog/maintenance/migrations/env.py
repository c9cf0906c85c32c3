"""What Alembic runs: the steps, on the connection that the caller holds."""

from alembic import context

from blog.storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
)
context.run_migrations()
