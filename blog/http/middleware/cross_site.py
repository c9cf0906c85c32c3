"""Protection against cross-site request forgery: writes from pages of other origins are refused.

A browser attaches credentials by itself, whichever page sends the request. It names that page in
Sec-Fetch-Site (W3C Fetch Metadata), older ones in Origin (RFC 6454) only. Other clients send
neither.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import partial

from flask import Flask
from werkzeug.exceptions import Forbidden

from blog.http.request import Request, current_request

# The page is one of ours, or there is none: the user entered the address.
_OWN_SITES = frozenset({"same-origin", "none"})


def install(app: Flask, own: str | None, others: Collection[str]) -> None:
    """Refuse writes from pages of other origins than ``own`` and ``others``.

    ``own`` is the origin of the blog; without it, it is the one that a request was sent to.
    """
    app.before_request(partial(_check, own, others))


def _check(own: str | None, others: Collection[str]) -> None:
    request = current_request()
    if request.is_read or request.method == "OPTIONS" or _is_own(request, own):
        return
    origin = request.headers.get("Origin")
    if origin not in others:
        page = f"of the origin {origin!a:.80}" if origin else "of another site"
        raise Forbidden(
            f"a page {page} may not write here: BLOG_CORS_ORIGINS names the origins whose pages may"
        )


def _is_own(request: Request, own: str | None) -> bool:
    """Whether the request is from no page of another origin, by what the browser says."""
    site, origin = (request.headers.get(name) for name in ("Sec-Fetch-Site", "Origin"))
    if site is not None:
        return site in _OWN_SITES
    return origin is None or origin == (own or f"{request.scheme}://{request.host}".lower())
