"""The version of the renderer that made the HTML of a post."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column, empty for all HTML until now: it is then rendered anew."""
    line = sa.String(80).with_variant(sa.String(80, collation="C"), "postgresql")
    op.add_column("post", sa.Column("rendering", line, nullable=False, server_default=""))
    op.create_index(op.f("ix_post_rendering_id"), "post", ["rendering", "id"])
