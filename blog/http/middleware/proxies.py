"""Forwarding headers of proxies: the client's address, and the scheme, host and prefix it used.

Each proxy appends a value at the right end of a header. The trusted values are as many as the
trusted proxies, counted from the right; clients may have written those further to the left.
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

# An address with or without a port, which may be obfuscated (RFC 7239 section 6).
_PORT = r"(?::(?:\d{1,5}|_[\w.-]+))?"
_NODE = re.compile(rf"\[([\da-f:.]+)\]{_PORT}|([\d.]+){_PORT}|([\da-f:.]+)", re.ASCII | re.I)

# Changes an environ to what it would be without proxies.
Rewrite = Callable[["WSGIEnvironment"], object]

# A token (RFC 9110 section 5.6.2), and the elements made of it (RFC 7239 section 4).
_WORD = r"[\w!#$%&'*+.^`|~-]+"
_PAIR = rf'{_WORD}=(?:{_WORD}|"(?:[^"\\]|\\.)*")'
# White space matches in one place only, so that matching takes linear time.
_ELEMENT = rf"{_PAIR}(?:[ \t]*;(?:[ \t]*{_PAIR})?)*"
_PAIRS = re.compile(_PAIR, re.ASCII)
_X_FORWARDED = ("for", "proto", "host", "prefix", "port")
# An extension may have any other name (RFC 7239 section 5.5).
_FORWARDED = frozenset({"for", "proto", "host"})


class XForwarded:
    """Middleware that applies X-Forwarded-For, -Proto, -Host, -Prefix and -Port."""

    def __init__(self, app: WSGIApplication, hops: int) -> None:
        """Trust ``hops`` proxies."""
        self._app = app
        self._hops = hops

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Call the application as if there were no proxies."""
        _apply(environ, {name: self._read(environ, name) for name in _X_FORWARDED})
        return self._app(environ, start_response)

    def _read(self, environ: WSGIEnvironment, name: str) -> str:
        """The value of the first trusted proxy in a header; empty where some did not append one.

        Quotes do not begin a string: a client's quote would hide what a proxy appends.
        """
        values = environ.get(f"HTTP_X_FORWARDED_{name.upper()}", "").split(",")
        return values[-self._hops].strip(' \t"') if len(values) >= self._hops else ""


class Forwarded:
    """Middleware that applies Forwarded (RFC 7239), and ignores X-Forwarded headers."""

    def __init__(self, app: WSGIApplication, hops: int) -> None:
        """Trust ``hops`` proxies."""
        self._app = app
        # Matched from the right, which a string that a client leaves open does not reach.
        later = rf"(?:[ \t]*,[ \t]*{_ELEMENT}){{{hops - 1}}}"
        self._header = re.compile(rf"(?:.*,)?[ \t]*({_ELEMENT}){later}[ \t]*", re.ASCII | re.S)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Call the application as if there were no proxies."""
        if match := self._header.fullmatch(environ.get("HTTP_FORWARDED", "")):
            _apply(environ, _read_pairs(match[1]))
        return self._app(environ, start_response)


# By their names in the settings.
MIDDLEWARES: Mapping[str, type[XForwarded] | type[Forwarded]] = {
    "x-forwarded": XForwarded,
    "forwarded": Forwarded,
}


def rewriter(family: str, hops: int) -> Rewrite:
    """A function that changes an environ as the middleware does; it is idempotent."""
    middleware: Any = MIDDLEWARES[family](_nothing, hops)
    return lambda environ: middleware(environ, None)


def _nothing(_environ: WSGIEnvironment, _start: StartResponse) -> Iterable[bytes]:
    return ()


def _read_pairs(element: str) -> Mapping[str, str]:
    pairs = (pair.partition("=") for pair in _PAIRS.findall(element))
    values = {name.lower(): unquote_header_value(value) for name, _, value in pairs}
    return {name: value for name, value in values.items() if name in _FORWARDED}


def _apply(environ: WSGIEnvironment, values: Mapping[str, str]) -> None:
    _set_address(environ, values.get("for", ""))
    if scheme := values.get("proto"):
        environ["wsgi.url_scheme"] = scheme.lower()
    if (host := values.get("host")) and names_host(environ):
        environ["HTTP_HOST"] = host
    if prefix := values.get("prefix"):
        environ["SCRIPT_NAME"] = prefix
    if port := values.get("port"):
        _add_port(environ, port)


def _add_port(environ: WSGIEnvironment, port: str) -> None:
    """Add a port to a host without one, unless it is the default of the scheme or invalid."""
    host = read_host(environ.get("HTTP_HOST", ""))
    if host and not host.port and (whole := read_host(f"{host.name}:{port}")):
        environ["HTTP_HOST"] = whole.without_default_port(environ["wsgi.url_scheme"])


def _set_address(environ: WSGIEnvironment, node: str) -> None:
    """Replace the proxy's address by the client's, without its port, where it is a valid address.

    With its port, each connection of a client would count as another client. An obfuscated or
    unknown address is ignored.
    """
    if address := _read_address(node):
        environ["REMOTE_ADDR"] = address


def _read_address(node: str) -> str | None:
    match = _NODE.fullmatch(node)
    try:
        return str(ip_address(match[match.lastindex or 0])) if match else None
    except ValueError:
        return None
