"""A blog of a million posts, made in the database itself."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, text

from blog.database.database import Database
from blog.storage.tables import attempt, idempotency_key, post, revision, sign_in, tag
from tests.rivals import change

POSTS = 1_000_000
# So many that an index on them pays.
AUTHORS = 5_000


class Dialect(NamedTuple):
    """How a kind of database writes the same thing; what is in braces is put in."""

    numbers: str
    moment: str
    digits: str
    json: str
    values: str


DIALECTS = {
    "sqlite": Dialect(
        "(WITH RECURSIVE number (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM number "
        "WHERE n < {}) SELECT n FROM number)",
        "datetime({}, 'unixepoch') || '.000000'",
        "printf('%07d', {})",
        "{}",
        "json_each(post.tags)",
    ),
    "postgresql": Dialect(
        "(SELECT generate_series(1, CAST({} AS bigint)) AS n)",
        "to_timestamp({})",
        "lpad(CAST({} AS text), 7, '0')",
        "CAST({} AS json)",
        "json_array_elements_text(post.tags) AS element (value)",
    ),
}


def fill(url: str) -> None:
    """Write the posts, and more authors with a token each, into a blog without posts.

    A third of the posts are Rick's, three are Joe's, and the rest is spread over the others; a
    third have the tag "news" and three the tag "rare". A tenth are drafts, half of those without
    a date, and the last 16,000 lie ahead of the tests' clock. Of those in the middle 200,000 have
    one revision each; a fiftieth of them were scheduled. Keys of requests, failed
    sign-ins and known addresses are so many that an index on them pays, all expired.
    """
    database = Database(url)
    with database.session() as session, session.writing("upgrading") as connection:
        _fill(connection, DIALECTS[connection.dialect.name])
    if database.engine.dialect.name == "postgresql":
        # What the server does by itself after a while.
        change(url, "VACUUM ANALYZE")
    database.close()


def forget(connection: Connection) -> None:
    """Let PostgreSQL know no more of the tables than it does of new ones, in this transaction."""
    names = ("author", "post", "tag", "revision", "idempotency_key", "attempt", "sign_in")
    tables = "(" + ", ".join(f"CAST('{name}' AS regclass)" for name in names) + ")"
    connection.exec_driver_sql(f"DELETE FROM pg_statistic WHERE starelid IN {tables}")
    connection.exec_driver_sql(
        f"UPDATE pg_class SET relpages = 0, reltuples = -1, relallvisible = 0 WHERE oid IN {tables}"
    )


def _fill(connection: Connection, dialect: Dialect) -> None:
    tables = (post, tag, revision, idempotency_key, attempt, sign_in)
    indexes = [index for table in tables for index in table.indexes]
    # An index is made faster than it is kept up.
    for index in indexes:
        index.drop(connection)
    made = (_authors(dialect), _posts(dialect), _tags(dialect))
    for statement in (*made, _REVISIONS, _KEYS, _TOKENS, _ATTEMPTS, _SIGN_INS):
        connection.execute(text(statement))
    for index in indexes:
        index.create(connection)


def _authors(dialect: Dialect) -> str:
    name = f"'author' || {dialect.digits.format('n')}"
    return f"""
        INSERT INTO author (name, name_key, role, version, updated_date)
        SELECT {name}, {name}, 'author', 1, {dialect.moment.format(0)}
        FROM {dialect.numbers.format(AUTHORS)} AS number
    """


def _posts(dialect: Dialect) -> str:
    digits = dialect.digits.format("n")
    date = dialect.moment.format("1500000000 + n * 300")
    # Multiples of a prime number, divided by another, scatter what would else be in one order.
    updated = dialect.moment.format("1500000000 + n * 300 + n * 7919 % 1000003")
    title = f"'Title ' || {dialect.digits.format('n * 8363 % 1000003')}"
    author = f"'author' || {dialect.digits.format('n % 97 * (n % 53) + 1')}"
    tags = """
        CASE WHEN n % 333334 = 5 THEN '["rare"]'
             WHEN n % 3 = 0 OR n % 30 = 1 THEN '["News", "topic' || (n % 1000) || '"]'
             WHEN n % 3 = 1 THEN '["a", "topic' || (n % 10) || '", "b"]'
             ELSE '[]' END
    """
    return f"""
        INSERT INTO post (id, version, status, created_date, posted_date, updated_date,
            author_name, slug, title, format, tags, body, body_html)
        SELECT '0190000000007000800000000' || {digits}, 1,
            CASE WHEN n % 10 = 0 THEN 'draft' ELSE 'published' END,
            {date}, CASE WHEN n % 20 = 0 THEN NULL ELSE {date} END, {updated},
            CASE WHEN n % 333334 = 5 THEN 'joe' WHEN n % 3 = 1 THEN 'rick' ELSE {author} END,
            'slug' || {digits}, {title}, 'text', {dialect.json.format(tags)}, 'Text', '<p>Text</p>'
        FROM {dialect.numbers.format(POSTS)} AS number
    """


def _tags(dialect: Dialect) -> str:
    return f"""
        INSERT INTO tag (post_id, key, name, status, sort_date, author_name, updated_date, title)
        SELECT post.id, lower(value), value, status, sort_date, author_name, updated_date, title
        FROM post, {dialect.values}
    """


# One in fifty was written before it was to appear.
_REVISIONS = """
    INSERT INTO revision (sequence, post_id, version, operation, changed_by, public, status,
        created_date, posted_date, updated_date, author_name, slug, title, format, tags, body)
    SELECT row_number() OVER (ORDER BY id), id, version, 'created', author_name,
        status = 'published', status, created_date, posted_date,
        CASE WHEN substr(id, 31) IN ('07', '57') THEN lower_date ELSE updated_date END,
        author_name, slug, title, format, tags, body
    FROM (
        SELECT post.*, min(created_date) OVER () AS lower_date FROM post
        WHERE slug BETWEEN 'slug0400001' AND 'slug0600000'
    ) AS post
"""

_KEYS = """
    INSERT INTO idempotency_key
        (author_name, key, fingerprint, post_id, version, written, created_date)
    SELECT author_name, post_id, post_id, post_id, 1, true, created_date
    FROM revision WHERE sequence <= 100000
"""

_TOKENS = """
    INSERT INTO access_token (digest, author_name, label, scope, created_date)
    SELECT name, name, 'old', 'write', updated_date FROM author
"""

_ATTEMPTS = """
    INSERT INTO attempt (id, key, date)
    SELECT post_id, post_id, created_date FROM revision WHERE sequence <= 100000
"""

_SIGN_INS = """
    INSERT INTO sign_in (author_name, address_key, date)
    SELECT author_name, post_id, created_date FROM revision WHERE sequence <= 100000
"""
