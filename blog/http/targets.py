"""What a request is for: which methods are known, what a host is, and how a path is spelt.

It reads the WSGI environ alone, so that whatever sees a request before the application does decides
as the application decides (RFC 9112 section 3).
"""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv6Address
from typing import NamedTuple

from blog.http.wsgi import Environ

# Those of RFC 9110 section 9.3 and RFC 5789. A method is case-sensitive.
METHODS = frozenset(
    {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"}
)
# No segment of a path is one of these: a proxy may take them out, and see another path.
_ODD = frozenset({"", ".", ".."})
# The names of containers have underscores.
_LABEL = r"[a-z0-9_-]{1,63}"
_HOST = re.compile(
    rf"(?P<name>\[(?P<ipv6>[0-9a-f:.]+)\]|(?:{_LABEL}\.)*{_LABEL}\.?)(?::(?P<port>[0-9]{{0,5}}))?",
    re.IGNORECASE | re.ASCII,
)
# A name with a dot at its end, and a port.
_LONGEST_HOST = 254 + len(":65535")
_LARGEST_PORT = 65535
USUAL_PORTS = {"http": "80", "https": "443"}
_ABSOLUTE = re.compile(r"https?://([^/?#]*)", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# A slash, and the unreserved characters (RFC 3986 section 2.3): those need no encoding.
_ENCODED_NEEDLESSLY = re.compile(
    r"%(?:2[def]|3[0-9]|4[1-9a-f]|5[0-9af]|6[1-9a-f]|7[0-9ae])", re.IGNORECASE
)


class Host(NamedTuple):
    """A host as a client names it: a name or an address, and a port, which may be empty."""

    name: str
    port: str

    def without_usual_port(self, scheme: str) -> str:
        """The host as links have it: with its port, unless that is the one of the scheme."""
        return self.name if self.port in ("", USUAL_PORTS.get(scheme)) else ":".join(self)


def read_host(text: str) -> Host | None:
    """A host (RFC 3986 section 3.2.2) with or without a port; None where it is not valid."""
    match = _HOST.fullmatch(text) if len(text) <= _LONGEST_HOST else None
    if match is None or (match["ipv6"] and not _is_ipv6(match["ipv6"])):
        return None
    port = match["port"] or ""
    return Host(match["name"], port) if int(port or 0) <= _LARGEST_PORT else None


def names_host(environ: Environ) -> bool:
    """Whether a request says for which host it is, as it has to (RFC 9112 section 3.2).

    It has one Host header, and that is valid; one of HTTP/1.0 may have none. A server joins several
    by commas, which no host has.
    """
    host: str = environ.get("HTTP_HOST", "")
    return read_host(host) is not None if host else environ["SERVER_PROTOCOL"] == "HTTP/1.0"


def prefer_target(environ: Environ) -> None:
    """Take the host from a target that names one, whatever Host says (RFC 9112 section 3.2.2).

    The server that `blog serve` runs does not tell it, so that there Host decides.
    """
    if match := _ABSOLUTE.match(_raw_target(environ)):
        environ["HTTP_HOST"] = match[1]


def decode_path(environ: Environ) -> str:
    """The path, decoded and otherwise as it was sent; bytes that are not UTF-8 are replaced."""
    path: str = environ.get("PATH_INFO", "")
    return path.encode("latin-1").decode(errors="replace")


def has_one_spelling(environ: Environ) -> bool:
    """Whether the path is written in the one way in which a resource is found.

    Otherwise it has an empty segment or one of dots, a control character, an encoded slash, a
    character that is encoded needlessly, or bytes that are not UTF-8; or it does not begin with a
    slash.
    """
    path: str = environ.get("PATH_INFO", "")
    if not path.startswith("/") or (path != "/" and not _ODD.isdisjoint(path[1:].split("/"))):
        return False
    raw = _raw_target(environ).partition("?")[0]
    return not _CONTROL.search(path) and _is_utf_8(path) and not _ENCODED_NEEDLESSLY.search(raw)


def respell(environ: Environ) -> str | None:
    """The path decoded, in its one spelling, without slashes too many; None where it has none."""
    meant = "/" + "/".join(filter(None, environ.get("PATH_INFO", "").split("/")))
    as_meant = {"PATH_INFO": meant}
    return decode_path(as_meant) if has_one_spelling(as_meant) else None


def _is_utf_8(path: str) -> bool:
    if path.isascii():
        return True
    try:
        path.encode("latin-1").decode()
    except UnicodeDecodeError:
        return False
    return True


def _is_ipv6(text: str) -> bool:
    try:
        IPv6Address(text)
    except AddressValueError:
        return False
    return True


def _raw_target(environ: Environ) -> str:
    """The target as it was sent.

    WSGI itself does not tell it: most servers have the first name for it, and some the second.
    """
    raw: str = environ.get("REQUEST_URI") or environ.get("RAW_URI") or ""
    return raw
