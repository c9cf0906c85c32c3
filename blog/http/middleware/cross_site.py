"""Where a write comes from: a browser signs in by itself, whichever page makes it send something.

It says which page that was: by Sec-Fetch-Site (W3C Fetch Metadata), or by Origin (RFC 6454), which
older ones send alone. What is no browser says neither, and knows its credentials.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import partial

from flask import Flask
from werkzeug.exceptions import Forbidden

from blog.http.request import Request, current_request
from blog.http.request_target import READ_METHODS

# The page is one of ours, or there is none: the user entered the address.
_OWN_SITES = frozenset({"same-origin", "none"})


def install(app: Flask, own: str | None, others: Collection[str]) -> None:
    """Refuse what pages of other origins than these write, before anything is done.

    ``own`` is the origin of the blog; without it, the one that a request was sent to.
    """
    app.before_request(partial(_check, own, others))


def _check(own: str | None, others: Collection[str]) -> None:
    request = current_request()
    if request.method in READ_METHODS | {"OPTIONS"} or _is_own(request, own):
        return
    origin = request.headers.get("Origin")
    if origin not in others:
        page = f"of the origin {origin!a:.80}" if origin else "of another site"
        raise Forbidden(
            f"a page {page} may not write here: BLOG_CORS_ORIGINS names the origins whose pages may"
        )


def _is_own(request: Request, own: str | None) -> bool:
    """Whether no page of another origin makes the request, as far as the client says."""
    site, origin = (request.headers.get(name) for name in ("Sec-Fetch-Site", "Origin"))
    if site is not None:
        return site in _OWN_SITES
    return origin is None or origin == (own or f"{request.scheme}://{request.host.lower()}")
