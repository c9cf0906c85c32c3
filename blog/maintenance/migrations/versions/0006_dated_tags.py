"""Entity-tags name the date of a version: up to which date tags without one are still right."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Keep the newest date of all versions; where there is none yet, there are no such tags."""
    line = sa.String(32).with_variant(sa.String(32, collation="C"), "postgresql")
    op.create_table(
        "schema_upgrade",
        sa.Column("revision", line, nullable=False),
        sa.Column("date", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("revision", name=op.f("pk_schema_upgrade")),
    )
    # The clock is not asked: it may be behind the dates that it gave before.
    op.execute(
        "INSERT INTO schema_upgrade (revision, date) "
        "SELECT '0006', newest FROM (SELECT max(updated_date) AS newest FROM ("
        "SELECT updated_date FROM author UNION ALL SELECT updated_date FROM revision"
        ") AS written) AS found WHERE newest IS NOT NULL"
    )
