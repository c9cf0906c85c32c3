"""The migrations, from the first schema to the newest."""

# The newest revision. It is stored here so that most starts need not import Alembic.
HEAD = "0007"
