"""Triggers that notify of each write to tables that everyone can read, on PostgreSQL."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_TABLES = ("author", "post")


def upgrade() -> None:
    """Create the triggers; SQLite needs none."""
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute(
        "CREATE FUNCTION tell_of_write() RETURNS trigger LANGUAGE plpgsql AS "
        "$$BEGIN PERFORM pg_notify('blog_written', ''); RETURN NULL; END$$"
    )
    for table in _TABLES:
        op.execute(
            f"CREATE TRIGGER tell_of_write AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE "
            f"ON {table} FOR EACH STATEMENT EXECUTE FUNCTION tell_of_write()"
        )
