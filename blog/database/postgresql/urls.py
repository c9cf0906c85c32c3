"""URLs of PostgreSQL servers: checking them, and adding what an operator may leave out."""

from __future__ import annotations

from unicodedata import category
from urllib.parse import unquote

from sqlalchemy import URL

from blog.database.limits import Limits
from blog.errors import DatabaseError


def check_url(text: str) -> None:
    """Raise DatabaseError for a URL with a character that must be percent-encoded.

    The error shows no part of the URL, since any part may be of the password.
    """
    # A password may contain a question mark, so the query may begin later.
    host = text.partition("@")[2].partition("/")[0]
    if "@" in host or text.partition("?")[0].count("@") > 1:
        raise DatabaseError("write an @ in a name or a password of the database URL as %40")
    # No name contains a control character or half of a surrogate pair.
    if any(category(character) in ("Cc", "Cs") for character in unquote(text)):
        raise DatabaseError("the database URL has a control character")


def host_urls(url: URL) -> list[URL]:
    """One URL for each host of a URL."""
    named = url.query.get("host", ())
    named = (named,) if isinstance(named, str) else named
    rest = url.difference_update_query(["host"])
    return [rest.update_query_pairs([("host", host)]) for host in named] or [url]


def with_defaults(url: URL, limits: Limits, *, primary: bool) -> URL:
    """The URL with the driver and the parameters that it does not name."""
    defaults = {
        "connect_timeout": str(limits.connect),
        "application_name": "blog",
        "client_encoding": "utf8",
        # In milliseconds: how long sent data may stay unacknowledged.
        "tcp_user_timeout": "2000",
        "target_session_attrs": _primary_attributes(url) if primary else "any",
    }
    missing = {name: value for name, value in defaults.items() if name not in url.query}
    return url.set(drivername="postgresql+psycopg").update_query_dict(missing)


def _primary_attributes(url: URL) -> str:
    """What libpq requires of a primary.

    Of several hosts, it has to be writable. A single one may be read while it is not.
    """
    named = url.query.get("host", url.host or "")
    names = [named] if isinstance(named, str) else named
    return "read-write" if len(",".join(names).split(",")) > 1 else "primary"
