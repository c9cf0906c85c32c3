"""Run by Alembic: the migrations, on the connection of the caller."""

from alembic import context

from blog.storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
)
context.run_migrations()
