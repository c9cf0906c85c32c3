"""URLs of PostgreSQL servers: what they name, and what an operator need not write in them."""

from __future__ import annotations

from unicodedata import category
from urllib.parse import unquote

from sqlalchemy import URL

from blog.database.limits import Limits
from blog.errors import DatabaseError


def check(text: str) -> None:
    """Raise DatabaseError for a URL in which a character is not written as it has to be.

    No part of it is shown: it is not known which of them is the password.
    """
    # A password may hold a question mark, so that what follows it is not the query yet.
    host = text.partition("@")[2].partition("/")[0]
    if "@" in host or text.partition("?")[0].count("@") > 1:
        raise DatabaseError("write an @ in a name or a password of the database URL as %40")
    # Neither a control character nor half a character is in any name.
    if any(category(character) in ("Cc", "Cs") for character in unquote(text)):
        raise DatabaseError("the database URL has a control character")


def hosts(url: URL) -> list[URL]:
    """The URL once for each of the hosts that it names."""
    named = url.query.get("host", ())
    named = (named,) if isinstance(named, str) else named
    rest = url.difference_update_query(["host"])
    return [rest.update_query_pairs([("host", host)]) for host in named] or [url]


def _primary(url: URL) -> str:
    """What libpq looks for in a primary.

    One of several servers has to take writes. A single one may be read while it takes none.
    """
    named = url.query.get("host", url.host or "")
    names = [named] if isinstance(named, str) else named
    return "read-write" if len(",".join(names).split(",")) > 1 else "primary"


def complete(url: URL, limits: Limits, primary: bool) -> URL:
    """The URL with what an operator need not write, and may write otherwise."""
    defaults = {
        "connect_timeout": str(limits.connect),
        "application_name": "blog",
        "client_encoding": "utf8",
        # A link that has gone silent is given up after this many milliseconds.
        "tcp_user_timeout": "2000",
        "target_session_attrs": _primary(url) if primary else "any",
    }
    missing = {name: value for name, value in defaults.items() if name not in url.query}
    return url.set(drivername="postgresql+psycopg").update_query_dict(missing)
