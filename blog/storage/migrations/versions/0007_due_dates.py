"""When time makes a version visible is kept, as its dates do not tell: see `revisions.record`."""

from typing import Any

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Keep what was computed; SQLite writes the whole table again."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE revision ALTER COLUMN due_date DROP EXPRESSION")
        return
    kwargs = {"listeners": [("column_reflect", _keep)]}
    with op.batch_alter_table("revision", recreate="always", reflect_kwargs=kwargs):
        pass


def _keep(_inspector: object, _table: object, column: dict[str, Any]) -> None:
    if column["name"] == "due_date":
        del column["computed"]
