"""When time makes a version visible is kept, as its dates do not tell: see `revisions.record`."""

from alembic import op
from sqlalchemy import Connection

from blog.errors import DatabaseError

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# As 0003 has it.
_COMPUTED = (
    " GENERATED ALWAYS AS (CASE WHEN status = 'published' AND posted_date > updated_date "
    "THEN posted_date END) STORED"
)


def upgrade() -> None:
    """Keep what was computed."""
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        op.execute("ALTER TABLE revision ALTER COLUMN due_date DROP EXPRESSION")
    else:
        _keep(connection)
        _require_plain(connection)


def _keep(connection: Connection) -> None:
    """Change nothing but the text by which SQLite knows the table.

    A column whose values are stored is on the disk what any other one is. To write the table again
    would take away what others have made on it, and rows of theirs that refer to it.
    """
    run = connection.exec_driver_sql
    run("PRAGMA writable_schema=ON")
    try:
        run(
            "UPDATE sqlite_schema SET sql = replace(sql, ?, '') WHERE type = 'table' AND name = ?",
            (_COMPUTED, "revision"),
        )
        # Other connections read the schema again when it has another number.
        run(f"PRAGMA schema_version={run('PRAGMA schema_version').scalar_one() + 1}")
    finally:
        run("PRAGMA writable_schema=RESET")


def _require_plain(connection: Connection) -> None:
    plain = "SELECT 1 FROM pragma_table_xinfo('revision') WHERE name = 'due_date' AND hidden = 0"
    if connection.exec_driver_sql(plain).first() is None:
        raise DatabaseError(
            "the column revision.due_date is not the one that this program made, so it can't be "
            "upgraded: restore a backup, or make it as the schema 0003 has it"
        )
