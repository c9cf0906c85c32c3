"""The hosts that are served; requests for others are misdirected (RFC 9110 section 7.4)."""

from __future__ import annotations

from collections.abc import Set
from functools import partial

from flask import Flask
from werkzeug.exceptions import BadRequest, HTTPException

from blog.http.request import Request, current_request
from blog.http.request_target import DEFAULT_PORTS, names_host, read_host


class MisdirectedRequest(HTTPException):
    """Raised for a host that is not served (RFC 9110 section 15.5.20)."""

    code = 421


def require(app: Flask, has_base_url: bool) -> None:
    """Refuse a request without one valid Host header, before anything else is checked.

    A request of HTTP/1.0 may have none where the base URL is set, or for a resource of any host.
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
    """Refuse hosts other than ``served``, which are in lower case.

    One without a port matches every port. If there are none, every host is served. A resource with
    ``any_host`` is served under every host.
    """
    if served:
        app.before_request(partial(_check, served))


def _check(served: Set[str]) -> None:
    request = current_request()
    header = request.environ.get("HTTP_HOST", "")
    # Without a Host header, links begin with the base URL.
    if not (host := read_host(header.lower())) or _is_for_any_host(request):
        return
    names = host.name, f"{host.name}:{host.port or DEFAULT_PORTS.get(request.scheme)}"
    if served.isdisjoint(names):
        raise MisdirectedRequest(f"the host {header!a:.80} is not served here")


def _is_for_any_host(request: Request) -> bool:
    """Whether the resource has no host of its own: a load balancer requests health by address."""
    return bool(getattr(request.resource, "any_host", False))
