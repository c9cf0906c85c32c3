"""Which hosts are served: each request names one, and for another is misdirected (RFC 9110 7.4)."""

from __future__ import annotations

from collections.abc import Set
from functools import partial

from flask import Flask
from werkzeug.exceptions import BadRequest, HTTPException

from blog.http.request import Request, current_request
from blog.http.request_target import DEFAULT_PORTS, names_host, read_host


class MisdirectedRequest(HTTPException):
    """Raised for a host that is not served here (RFC 9110 section 15.5.20)."""

    code = 421


def require(app: Flask, has_base_url: bool) -> None:
    """Refuse a request that does not name one valid host, whatever else is wrong with it.

    One of HTTP/1.0 may name none, where the base URL is set or the resource is for ``any_host``.
    """
    app.before_request(partial(_require, has_base_url))


def _require(has_base_url: bool) -> None:
    request = current_request()
    host = request.environ.get("HTTP_HOST")
    if not names_host(request.environ):
        found = f"{host!a:.80}" if host else "none"
        raise BadRequest(f"a request has one valid Host header, and this one has {found}")
    if not host and not has_base_url and not _is_for_any_host(request):
        raise BadRequest("without a Host header, links need BLOG_BASE_URL, which is not set")


def install(app: Flask, served: Set[str]) -> None:
    """Refuse other hosts than these, each in lower case and with a port or for any.

    Where there are none, every host is served, as it is by a resource for ``any_host``.
    """
    if served:
        app.before_request(partial(_check, served))


def _check(served: Set[str]) -> None:
    request = current_request()
    told = request.environ.get("HTTP_HOST", "")
    # One that names no host is served by the base URL.
    if not (host := read_host(told.lower())) or _is_for_any_host(request):
        return
    names = host.name, f"{host.name}:{host.port or DEFAULT_PORTS.get(request.scheme)}"
    if served.isdisjoint(names):
        raise MisdirectedRequest(f"the host {told!a:.80} is not served here")


def _is_for_any_host(request: Request) -> bool:
    """Whether the resource is asked by address, as a balancer asks for health."""
    return bool(getattr(request.resource, "any_host", False))
