"""Which hosts are served: a request for another has lost its way (RFC 9110 section 7.4)."""

from __future__ import annotations

import re
from collections.abc import Set
from functools import partial

from flask import Flask
from werkzeug.exceptions import HTTPException

from blog.http.request import Request, current_request

_PORT = re.compile(r":\d+$", re.ASCII)
_USUAL_PORTS = {"http": 80, "https": 443}


class MisdirectedRequest(HTTPException):
    """Raised for a host that is not served here (RFC 9110 section 15.5.20)."""

    code = 421


def install(app: Flask, served: Set[str]) -> None:
    """Refuse other hosts than these, each in lower case and with a port or for any.

    Where there are none, every host is served, as it is by a resource for ``any_host``.
    """
    if served:
        app.before_request(partial(_check, served))


def _check(served: Set[str]) -> None:
    request = current_request()
    if served.isdisjoint(_names(request)) and not _is_for_any_host(request):
        host = request.headers.get("Host", "")
        raise MisdirectedRequest(f"the host {host!a:.80} is not served here")


def _names(request: Request) -> tuple[str, str]:
    """The host of the request without its port, and with it."""
    host = request.headers.get("Host", request.host).lower()
    name = _PORT.sub("", host)
    return name, host if host != name else f"{name}:{_USUAL_PORTS.get(request.scheme)}"


def _is_for_any_host(request: Request) -> bool:
    """Whether the resource is asked by address, as a balancer asks for health."""
    return bool(getattr(request.resource, "any_host", False))
