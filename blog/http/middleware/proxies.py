"""What proxies in front say of a request: who sent it, to which host, and how.

Each proxy adds what it saw at the right end of a header, so that from there as much is true as
there are proxies that can be trusted. What stands further to the left, anyone may have written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from werkzeug.http import unquote_header_value

from blog.http.request_target import names_host, read_host

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# An address with its port, which may be hidden behind a word, or without (RFC 7239 section 6).
_PORT = r"(?::(?:\d{1,5}|_[\w.-]+))?"
_NODE = re.compile(rf"\[([\da-f:.]+)\]{_PORT}|([\d.]+){_PORT}|([\da-f:.]+)", re.ASCII | re.I)

# Changes an environ into what it would be without proxies.
Believe = Callable[["WSGIEnvironment"], object]

# What RFC 9110 section 5.6.2 calls a token, and RFC 7239 section 4 makes of it.
_WORD = r"[\w!#$%&'*+.^`|~-]+"
_PAIR = rf'{_WORD}=(?:{_WORD}|"(?:[^"\\]|\\.)*")'
# Each blank has one place in it, so that it is read in one way only, and quickly.
_ELEMENT = rf"{_PAIR}(?:[ \t]*;(?:[ \t]*{_PAIR})?)*"
_PAIRS = re.compile(_PAIR, re.ASCII)
_X_FORWARDED = ("for", "proto", "host", "prefix", "port")
# An extension may have any other name (RFC 7239 section 5.5).
_FORWARDED = frozenset({"for", "proto", "host"})


class XForwarded:
    """Middleware that believes X-Forwarded-For, -Proto, -Host, -Prefix and -Port."""

    def __init__(self, app: WSGIApplication, hops: int) -> None:
        """Believe this many proxies."""
        self._app = app
        self._hops = hops

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer as if there were no proxies."""
        _believe(environ, {name: self._read(environ, name) for name in _X_FORWARDED})
        return self._app(environ, start_response)

    def _read(self, environ: WSGIEnvironment, name: str) -> str:
        """What the first of the proxies says in a header; nothing where they do not all say it.

        A quote begins no string: one of the client's would hide what a proxy adds.
        """
        values = environ.get(f"HTTP_X_FORWARDED_{name.upper()}", "").split(",")
        return values[-self._hops].strip(' \t"') if len(values) >= self._hops else ""


class Forwarded:
    """Middleware that believes Forwarded (RFC 7239), and no header that begins with X-Forwarded."""

    def __init__(self, app: WSGIApplication, hops: int) -> None:
        """Believe this many proxies."""
        self._app = app
        # Read from the right: nothing that a client opens and does not close reaches that far.
        later = rf"(?:[ \t]*,[ \t]*{_ELEMENT}){{{hops - 1}}}"
        self._header = re.compile(rf"(?:.*,)?[ \t]*({_ELEMENT}){later}[ \t]*", re.ASCII | re.S)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer as if there were no proxies."""
        if match := self._header.fullmatch(environ.get("HTTP_FORWARDED", "")):
            _believe(environ, _read_pairs(match[1]))
        return self._app(environ, start_response)


# By the names that they have in the settings.
MIDDLEWARES: Mapping[str, type[XForwarded] | type[Forwarded]] = {
    "x-forwarded": XForwarded,
    "forwarded": Forwarded,
}


def reader(family: str, hops: int) -> Believe:
    """What changes an environ as the middleware does, before anything else looks at it.

    To be believed twice makes no difference.
    """
    middleware: Any = MIDDLEWARES[family](_nothing, hops)
    return lambda environ: middleware(environ, None)


def _nothing(_environ: WSGIEnvironment, _start: StartResponse) -> Iterable[bytes]:
    return ()


def _read_pairs(element: str) -> Mapping[str, str]:
    pairs = (pair.partition("=") for pair in _PAIRS.findall(element))
    told = {name.lower(): unquote_header_value(value) for name, _, value in pairs}
    return {name: value for name, value in told.items() if name in _FORWARDED}


def _believe(environ: WSGIEnvironment, said: Mapping[str, str]) -> None:
    _set_address(environ, said.get("for", ""))
    if scheme := said.get("proto"):
        environ["wsgi.url_scheme"] = scheme.lower()
    if (host := said.get("host")) and names_host(environ):
        environ["HTTP_HOST"] = host
    if prefix := said.get("prefix"):
        environ["SCRIPT_NAME"] = prefix
    if port := said.get("port"):
        _add_port(environ, port)


def _add_port(environ: WSGIEnvironment, port: str) -> None:
    """Add a port to a host that has none, unless it is that of the scheme, or no port."""
    host = read_host(environ.get("HTTP_HOST", ""))
    if host and not host.port and (whole := read_host(f"{host.name}:{port}")):
        environ["HTTP_HOST"] = whole.without_default_port(environ["wsgi.url_scheme"])


def _set_address(environ: WSGIEnvironment, node: str) -> None:
    """Put the client's address in the place of the proxy's, unless it is not told.

    Its port would make each connection of a client another client. A word that hides the address,
    or anything else that is none, is not taken for one.
    """
    if address := _read_address(node):
        environ["REMOTE_ADDR"] = address


def _read_address(node: str) -> str | None:
    match = _NODE.fullmatch(node)
    try:
        return str(ip_address(match[match.lastindex or 0])) if match else None
    except ValueError:
        return None
