"""Authors, posts, tags, and settings such as the secret key."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the first tables."""
    _create_author()
    _create_post()
    _index_post()
    _create_tag()
    _create_setting()


def _line(length: int) -> sa.String:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def _text() -> sa.Text:
    return sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def _create_author() -> None:
    op.create_table(
        "author",
        sa.Column("name", _line(64), nullable=False),
        sa.Column("name_key", _text(), nullable=False),
        sa.Column("role", _line(10), nullable=False),
        sa.Column("password_hash", _text()),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("display_name", _text()),
        sa.Column("bio", _text()),
        sa.Column("url", _text()),
        sa.Column("previous_date", sa.DateTime(timezone=True)),
        sa.Column("updated_date", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("role IN ('author', 'editor')", name=op.f("ck_author_role")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_author")),
        sa.UniqueConstraint("name_key", name=op.f("uq_author_name_key")),
    )


def _create_post() -> None:
    op.create_table(
        "post",
        sa.Column("id", _line(32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("status", _line(10), nullable=False),
        sa.Column("created_date", sa.DateTime(timezone=True), nullable=False),
        sa.Column("posted_date", sa.DateTime(timezone=True)),
        sa.Column(
            "sort_date",
            sa.DateTime(timezone=True),
            sa.Computed("coalesce(posted_date, created_date)", persisted=True),
            nullable=False,
        ),
        sa.Column("previous_date", sa.DateTime(timezone=True)),
        sa.Column("updated_date", sa.DateTime(timezone=True), nullable=False),
        sa.Column("author_name", _line(64), nullable=False),
        sa.Column("slug", _text(), nullable=False),
        sa.Column("title", _text(), nullable=False),
        sa.Column("format", _line(10), nullable=False),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.Column("summary", _text()),
        sa.Column("body", _text(), nullable=False),
        sa.Column("body_html", _text(), nullable=False),
        sa.CheckConstraint("status IN ('published', 'draft')", name=op.f("ck_post_status")),
        sa.CheckConstraint("format IN ('markdown', 'html', 'text')", name=op.f("ck_post_format")),
        sa.CheckConstraint(
            "status = 'draft' OR posted_date IS NOT NULL",
            name=op.f("ck_post_published_has_date"),
        ),
        sa.ForeignKeyConstraint(["author_name"], ["author.name"], name=op.f("fk_post_author_name")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_post")),
        sa.UniqueConstraint("slug", name=op.f("uq_post_slug")),
    )


def _index_post() -> None:
    for columns in (
        ["status", "sort_date", "id"],
        ["status", "updated_date", "id"],
        ["status", "title", "id"],
        ["sort_date", "id"],
        ["updated_date", "id"],
        ["title", "id"],
        ["author_name", "sort_date", "id"],
        ["author_name", "updated_date", "id"],
        ["author_name", "title", "id"],
    ):
        op.create_index(op.f(f"ix_post_{'_'.join(columns)}"), "post", columns)


def _create_tag() -> None:
    op.create_table(
        "tag",
        sa.Column("post_id", _line(32), nullable=False),
        sa.Column("key", _text(), nullable=False),
        sa.Column("name", _text(), nullable=False),
        sa.Column("status", _line(10), nullable=False),
        sa.Column("sort_date", sa.DateTime(timezone=True), nullable=False),
        sa.Column("author_name", _line(64), nullable=False),
        sa.ForeignKeyConstraint(
            ["post_id"], ["post.id"], name=op.f("fk_tag_post_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("post_id", "key", name=op.f("pk_tag")),
    )
    op.create_index(
        "ix_tag_key_covering",
        "tag",
        ["key", "sort_date", "post_id", "status", "author_name", "name"],
    )


def _create_setting() -> None:
    op.create_table(
        "setting",
        sa.Column("name", _line(50), nullable=False),
        sa.Column("value", _text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_setting")),
    )
