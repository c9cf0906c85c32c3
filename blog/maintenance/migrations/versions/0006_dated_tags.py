"""The last date of versions whose entity-tags contain no date."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Store the newest date of all versions; without one, there are no such entity-tags."""
    line = sa.String(32).with_variant(sa.String(32, collation="C"), "postgresql")
    op.create_table(
        "schema_upgrade",
        sa.Column("revision", line, nullable=False),
        sa.Column("date", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("revision", name=op.f("pk_schema_upgrade")),
    )
    # The present time is not used: the clock may be behind the stored dates.
    op.execute(
        "INSERT INTO schema_upgrade (revision, date) "
        "SELECT '0006', newest FROM (SELECT max(updated_date) AS newest FROM ("
        "SELECT updated_date FROM author UNION ALL SELECT updated_date FROM revision"
        ") AS written) AS found WHERE newest IS NOT NULL"
    )
