"""The blogs that are served: the posts that a measurement needs, created in the database itself."""

from __future__ import annotations

import secrets
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from string import Template

from sqlalchemy import Connection, text

from blog.content.dates import utc_now
from blog.content.tokens import digest, new_secret
from blog.database.database import Database
from blog.database.session import Session
from blog.http.cursors import Cursors
from blog.maintenance import schema
from blog.sign_in.passwords import hash_password
from blog.storage import accounts, tokens
from blog.storage.keyset import Position
from blog.storage.tables import post, tag
from blog.storage.tokens import AccessToken
from tests.rivals import change
from tests.servers.postgresql import Cluster
from tests.storage.million import DIALECTS, Dialect

AUTHOR, PASSWORD = "rick", "a long password"
SECRET_KEY = secrets.token_hex()
# The JSON of a post has about as many bytes as the responses that it is compared with.
_SENTENCE = "Whoever reads this sentence has read all that there is to be read. "
_BODY = _SENTENCE * 8
_FIRST_DATE = datetime(2017, 7, 14, tzinfo=UTC)
_PACE = timedelta(minutes=3)
ID_PREFIX = "0190000000007000800000000"
_POSTS = Template("""
    INSERT INTO post (id, version, status, created_date, posted_date, updated_date,
        author_name, slug, title, format, tags, body, body_html)
    SELECT '$prefix' || $digits, 1, 'published', $date, $date, $date, :author,
        'slug' || $digits, 'Title ' || $digits, 'markdown', $tags, :body, :html
    FROM $numbers AS number
""")
_TAGS = Template("""
    INSERT INTO tag (post_id, key, name, status, sort_date, author_name, updated_date, title)
    SELECT post.id, value, value, status, sort_date, author_name, updated_date, title
    FROM post, $values
""")
# Checkpoints in one round and not in another would distort the comparison.
_POSTGRESQL = {"max_wal_size": "4GB"}


@dataclass(frozen=True, slots=True)
class Blog:
    """A blog whose posts are numbered from 1, the oldest."""

    url: str
    posts: int
    token: str

    @property
    def with_token(self) -> str:
        """The Authorization header with an access token."""
        return _basic(self.token)

    @property
    def with_password(self) -> str:
        """The Authorization header with a password."""
        return _basic(PASSWORD)

    def page(self, depth: int) -> str:
        """The path of the page of 20 that follows this number of newer posts."""
        number = self.posts - depth + 1
        position = Position((_FIRST_DATE + number * _PACE, post_id(number)))
        return f"/post?cursor={Cursors(SECRET_KEY).write(position, '/post []')}"


def post_id(number: int) -> str:
    """The id of a post."""
    return f"{ID_PREFIX}{number:07d}"


def title(number: int) -> str:
    """The title of a post."""
    return f"Title {number:07d}"


def _basic(password: str) -> str:
    return f"Basic {b64encode(f'{AUTHOR}:{password}'.encode()).decode()}"


def make(url: str, posts: int) -> Blog:
    """Create a blog of one author in an empty database."""
    with closing(Database(url)) as database:
        schema.upgrade(database)
        with database.session() as session:
            token = _add_author(session)
        with database.session() as session, session.writing("upgrading") as connection:
            _fill(connection, posts)
        if database.engine.dialect.name == "postgresql":
            # The server does this by itself after a while.
            change(url, "VACUUM ANALYZE")
    return Blog(url, posts, token)


def _add_author(session: Session) -> str:
    """Create the author; return the secret of an access token."""
    now, secret = utc_now(), new_secret()
    accounts.add(session, AUTHOR, "author", hash_password(PASSWORD), now=now)
    tokens.add(session, AUTHOR, AccessToken("bench", "write", now, None), digest(secret))
    return secret


def _fill(connection: Connection, posts: int) -> None:
    indexes = [index for table in (post, tag) for index in table.indexes]
    # Creating an index takes less time than updating it.
    for index in indexes:
        index.drop(connection)
    dialect = DIALECTS[connection.dialect.name]
    texts = {"author": AUTHOR, "body": _BODY, "html": f"<p>{_BODY}</p>\n"}
    values = _written_for(dialect, posts)
    connection.execute(text(_POSTS.substitute(values)), texts)
    connection.execute(text(_TAGS.substitute(values)))
    for index in indexes:
        index.create(connection)


def _written_for(dialect: Dialect, posts: int) -> dict[str, str]:
    """The values for the placeholders in the statements."""
    first, pace = int(_FIRST_DATE.timestamp()), int(_PACE.total_seconds())
    return {
        "prefix": ID_PREFIX,
        "digits": dialect.digits.format("n"),
        "date": dialect.moment.format(f"{first} + n * {pace}"),
        "tags": dialect.json.format("'[\"news\", \"topic' || (n % 100) || '\"]'"),
        "numbers": dialect.numbers.format(posts),
        "values": dialect.values,
    }


@contextmanager
def postgresql(place: Path) -> Iterator[Cluster]:
    """A PostgreSQL server with its files below a directory; it waits for the disk, as it should."""
    server = Cluster(place / "postgresql")
    server.create()
    server.start(_POSTGRESQL)
    try:
        yield server
    finally:
        server.stop("immediate")
