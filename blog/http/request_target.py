"""The method, host and path of a request (RFC 9112 section 3), read from the WSGI environ.

The gateway and middleware see a request before the application does, and read it the same way.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import AddressValueError, IPv6Address
from typing import Any, NamedTuple

# The methods of RFC 9110 section 9.3 and RFC 5789, which are case-sensitive.
READ_METHODS = frozenset({"GET", "HEAD"})
WRITE_METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})
METHODS = READ_METHODS | WRITE_METHODS | {"OPTIONS", "TRACE", "CONNECT"}
# A proxy may remove such segments, and so see another path.
_FORBIDDEN = frozenset({"", ".", ".."})
# Host names of containers have underscores.
_LABEL = r"[a-z0-9_-]{1,63}"
_HOST = re.compile(
    rf"(?P<name>\[(?P<ipv6>[0-9a-f:.]+)\]|(?:{_LABEL}\.)*{_LABEL}\.?)(?::(?P<port>[0-9]{{0,5}}))?",
    re.IGNORECASE | re.ASCII,
)
# A name that ends with a dot, and a port.
_LONGEST_HOST = 254 + len(":65535")
_LARGEST_PORT = 65535
DEFAULT_PORTS = {"http": "80", "https": "443"}
_ABSOLUTE = re.compile(r"https?://([^/?#]*)", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# A slash, and the unreserved characters (RFC 3986 section 2.3), which are never percent-encoded.
_NEEDLESSLY_ENCODED = re.compile(
    r"%(?:2[def]|3[0-9]|4[1-9a-f]|5[0-9af]|6[1-9a-f]|7[0-9ae])", re.IGNORECASE
)


class Host(NamedTuple):
    """A host: a name or an address, and a port, which may be empty (RFC 3986 section 3.2)."""

    name: str
    port: str

    def without_default_port(self, scheme: str) -> str:
        """The host with its port, unless that is the default of the scheme."""
        return self.name if self.port in ("", DEFAULT_PORTS.get(scheme)) else ":".join(self)

    def origin(self, scheme: str) -> str:
        """The origin of this host, as browsers write it (RFC 6454 section 6.2)."""
        return f"{scheme}://{self.without_default_port(scheme)}".lower()


def read_host(text: str) -> Host | None:
    """Parse a host with or without a port (RFC 3986 section 3.2.2); None where it is not valid."""
    match = _HOST.fullmatch(text) if len(text) <= _LONGEST_HOST else None
    if match is None or (match["ipv6"] and not _is_ipv6(match["ipv6"])):
        return None
    port = match["port"] or ""
    return Host(match["name"], port) if int(port or 0) <= _LARGEST_PORT else None


def names_host(environ: Mapping[str, Any]) -> bool:
    """Whether a request has one valid Host header (RFC 9112 section 3.2).

    A request of HTTP/1.0 may have none. A server joins several with commas, and that is not valid.
    """
    host: str = environ.get("HTTP_HOST", "")
    return read_host(host) is not None if host else environ["SERVER_PROTOCOL"] == "HTTP/1.0"


def prefer_target(environ: dict[str, Any]) -> None:
    """Take the host from a target in absolute form, in place of Host (RFC 9112 section 3.2.2).

    The server that `blog serve` runs does not pass the target on, so that there Host decides.
    """
    if match := _ABSOLUTE.match(_raw_target(environ)):
        environ["HTTP_HOST"] = match[1]


def decode_path(environ: Mapping[str, Any]) -> str:
    """The percent-decoded path; bytes that are not UTF-8 are replaced."""
    path: str = environ.get("PATH_INFO", "")
    return path.encode("latin-1").decode(errors="replace")


def has_one_spelling(environ: Mapping[str, Any]) -> bool:
    """Whether the path is written in its only valid spelling.

    It begins with a slash and is UTF-8. It has no empty segment and none of dots, no control
    character, no encoded slash, and no needlessly encoded character.
    """
    path: str = environ.get("PATH_INFO", "")
    if not path.startswith("/") or (path != "/" and not _FORBIDDEN.isdisjoint(path[1:].split("/"))):
        return False
    raw = _raw_target(environ).partition("?")[0]
    return not _CONTROL.search(path) and _is_utf_8(path) and not _NEEDLESSLY_ENCODED.search(raw)


def respell(environ: Mapping[str, Any]) -> str | None:
    """The decoded path without superfluous slashes; None where that is no valid spelling."""
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


def _raw_target(environ: Mapping[str, Any]) -> str:
    """The request target as it was sent.

    WSGI has no key for it: most servers use the first name, and some the second.
    """
    raw: str = environ.get("REQUEST_URI") or environ.get("RAW_URI") or ""
    return raw
