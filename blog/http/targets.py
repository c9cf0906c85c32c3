"""What a request is for: which methods are known, and how a path is spelt (RFC 9112 section 3).

It reads the WSGI environ alone, so that whatever sees a request before the application does decides
as the application decides.
"""

from __future__ import annotations

import re

from blog.http.answers import Environ

# Those of RFC 9110 section 9.3 and RFC 5789. A method is case-sensitive.
METHODS = frozenset(
    {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"}
)
# No segment of a path is one of these: a proxy may take them out, and see another path.
_ODD = frozenset({"", ".", ".."})
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def decode_path(environ: Environ) -> str:
    """The path, decoded and otherwise as it was sent; it may be one that `has_one_spelling` denies.

    Werkzeug would take away all but one of the slashes at its beginning.
    """
    path: str = environ["PATH_INFO"]
    return path.encode("latin-1").decode(errors="replace")


def has_one_spelling(environ: Environ) -> bool:
    """Whether the path is written in the one way in which a resource is found.

    A path that is not has an empty segment or one of dots, a control character, a slash that is
    encoded, or bytes that are not UTF-8.
    """
    path: str = environ["PATH_INFO"]
    if not path.startswith("/") or (path != "/" and not _ODD.isdisjoint(path[1:].split("/"))):
        return False
    return not _CONTROL.search(path) and _is_utf_8(path) and "%2f" not in _raw_path(environ)


def without_empty_segments(path: str) -> str:
    """The path that is meant by one with slashes too many."""
    return "/" + "/".join(filter(None, path.split("/")))


def _is_utf_8(path: str) -> bool:
    if path.isascii():
        return True
    try:
        path.encode("latin-1").decode()
    except UnicodeDecodeError:
        return False
    return True


def _raw_path(environ: Environ) -> str:
    """The path before it was decoded, in lower case, where the server tells it.

    WSGI itself does not: most servers have the first name for it, and some the second.
    """
    raw: str = environ.get("REQUEST_URI") or environ.get("RAW_URI") or ""
    return raw.partition("?")[0].lower()
