"""URLs of PostgreSQL that can't be used: one line, in which no part of a password is shown."""

from __future__ import annotations

import pytest

from blog.database.database import Database
from blog.database.urls import read_replica_url
from blog.errors import DatabaseError
from tests.cases import cases
from tests.commands import blog, failed
from tests.servers.postgresql import Cluster

AT = "write an @ in a name or a password of the database URL as %40"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:sword@fish@example.org/blog",
        "postgresql+psycopg://me:sword@fi:sh@example.org/blog",
        "postgresql://me:sword@fish@/blog?host=example.org",
        "postgresql://me@fish:sword@example.org/blog",
        "postgresql://me:sword@example.org/fish@blog",
        "postgresql://me:swo?rd@fish@example.org/blog",
    ],
)
@pytest.mark.parametrize("use", [Database, read_replica_url])
def test_at_sign_that_is_not_encoded_is_reported_without_the_password(use: type, url: str) -> None:
    with pytest.raises(DatabaseError) as refusal:
        use(url)

    assert str(refusal.value) == AT


@cases(
    "url",
    [
        "postgresql://me@example.org/blog%00",
        "postgresql://me@exam%00ple.org/blog",
        "postgresql://me:sword%0Afish@example.org/blog",
        "postgresql://me@example.org/blog?application_name=%00",
        "postgresql://me@example.org/blog\udcff",
    ],
)
def test_control_character_is_refused(url: str) -> None:
    with pytest.raises(DatabaseError, match=r"^the database URL has a control character$"):
        Database(url)


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ("sslmode=sometimes", 'invalid sslmode value: "sometimes"'),
        ("connect_timeout=soon", "soon"),
        ("port=99999", "99999"),
        ("host=a..b", "the database URL names no host"),
        ("target_session_attrs=any-thing", "invalid target_session_attrs value"),
        ("passfile=/nowhere&sslpassword=swordfish&sslcert=/nowhere&sslmode=require", "SSL"),
    ],
)
def test_option_that_can_not_be_used_is_one_line_without_secrets(
    postgresql: Cluster, monkeypatch: pytest.MonkeyPatch, option: str, expected: str
) -> None:
    base = "postgresql+psycopg:///postgres" if option.startswith("host") else ""
    url = f"{base or postgresql.url('postgres')}?{option}&password=swordfish"
    monkeypatch.setenv("BLOG_DATABASE_URL", url)

    said = failed(blog("author list"))

    assert expected in said
    assert "swordfish" not in said


@pytest.mark.parametrize("end", ["from", "to"])
def test_copy_shows_no_part_of_a_url(end: str) -> None:
    broken, sound = "postgresql://me:sword@fish@example.org/blog", "sqlite:///nowhere.db"
    urls = f"{broken} {sound}" if end == "from" else f"{sound} {broken}"

    assert failed(blog(f"database copy {urls}")) == AT
