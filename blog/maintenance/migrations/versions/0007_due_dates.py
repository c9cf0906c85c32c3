"""Store the due date of a version, instead of computing it from its other dates."""

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
    """Turn the computed column into a plain one, with the same values."""
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        op.execute("ALTER TABLE revision ALTER COLUMN due_date DROP EXPRESSION")
    else:
        _replace_definition(connection)
        _require_plain(connection)


def _replace_definition(connection: Connection) -> None:
    """Change the text of the table's definition only.

    On the disk, a stored computed column is the same as a plain one. Rebuilding the table would
    remove what an operator has added to it, and rows that refer to it.
    """
    run = connection.exec_driver_sql
    run("PRAGMA writable_schema=ON")
    try:
        run(
            "UPDATE sqlite_schema SET sql = replace(sql, ?, '') WHERE type = 'table' AND name = ?",
            (_COMPUTED, "revision"),
        )
        # Other connections reload the schema when its version changes.
        run(f"PRAGMA schema_version={run('PRAGMA schema_version').scalar_one() + 1}")
    finally:
        run("PRAGMA writable_schema=RESET")


def _require_plain(connection: Connection) -> None:
    plain = "SELECT 1 FROM pragma_table_xinfo('revision') WHERE name = 'due_date' AND hidden = 0"
    if connection.exec_driver_sql(plain).first() is None:
        raise DatabaseError(
            "the column revision.due_date differs from the one that this program creates, so it "
            "can't be upgraded: restore a backup, or recreate it as in schema 0003"
        )
