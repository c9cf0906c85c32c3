"""Store the sort keys of posts in the table of tags, for lists of a tag in every order."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns, fill them from the posts, and index them."""
    text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    op.add_column("tag", sa.Column("updated_date", sa.DateTime(timezone=True)))
    op.add_column("tag", sa.Column("title", text))
    op.execute(
        "UPDATE tag SET updated_date = post.updated_date, title = post.title "
        "FROM post WHERE post.id = tag.post_id"
    )
    with op.batch_alter_table("tag") as tag:
        tag.alter_column("updated_date", nullable=False)
        tag.alter_column("title", nullable=False)
    for column in ("updated_date", "title"):
        op.create_index(
            f"ix_tag_key_{column}_covering",
            "tag",
            ["key", column, "post_id", "status", "author_name", "sort_date"],
        )
