"""What a text that is no database URL was meant to be, where it may be the path of a file."""

from __future__ import annotations

import os
import re

_SCHEME = re.compile(r"(sqlite3?|file):(/*)", re.IGNORECASE)


def likely_file_url(text: str) -> str:
    """A question that offers the URL of the SQLite file that may be meant, or nothing."""
    path = _path(text).partition("?")[0]
    # What stands before an @ may be a password, which is not to be said again.
    if "@" in text or path.strip("/ ") in ("", ":memory:"):
        return ""
    return f"; did you mean sqlite:///{path}?"


def _path(text: str) -> str:
    """The path in a text; empty where it is a URL of another kind."""
    if scheme := _SCHEME.match(text):
        rest = text[scheme.end() :]
        # Three slashes begin an absolute path after file:, and a relative one after sqlite:.
        absolute = (1, 3) if scheme[1].lower() == "file" else (1, 4)
        return f"/{rest}" if len(scheme[2]) in absolute else rest
    if "://" in text:
        return ""
    # No shell has expanded it where a setting is read from a file.
    return os.path.expanduser(text)
