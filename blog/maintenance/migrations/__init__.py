"""The steps that bring a database from any earlier shape to the present one."""

# The newest step. Known here, so that a start with nothing to do need not load Alembic.
HEAD = "0007"
