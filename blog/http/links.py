"""The only place where URLs are made; they are absolute, and safe in documents and headers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property, lru_cache
from urllib.parse import quote, urlencode

from werkzeug.exceptions import BadRequest

from blog.content.addresses import make_absolute
from blog.http.relations import REGISTERED
from blog.http.request import current_request
from blog.representations.document import Link

# The path prefix of the blog: empty, or segments that are not empty.
_PREFIX = re.compile(r"(/[^/]+)*")


class Links:
    """Links to every resource, below one base URL."""

    def __init__(self, base: str) -> None:
        """Take the base URL, without a slash at its end."""
        self._base = base

    @cached_property
    def root(self) -> Link:
        """The root, which links to everything else."""
        return Link(f"{self._base}/")

    @cached_property
    def posts(self) -> Link:
        """The list of posts."""
        return Link(f"{self._base}/post")

    @cached_property
    def authors(self) -> Link:
        """The list of authors."""
        return Link(f"{self._base}/author")

    @cached_property
    def tags(self) -> Link:
        """The list of tags."""
        return Link(f"{self._base}/tag")

    @cached_property
    def changes(self) -> Link:
        """The change feed, from its beginning."""
        return Link(f"{self._base}/change")

    @cached_property
    def liveness(self) -> Link:
        """Whether the server responds."""
        return Link(f"{self._base}/health/live")

    @cached_property
    def readiness(self) -> Link:
        """Whether the server can handle requests."""
        return Link(f"{self._base}/health/ready")

    def post(self, post_id: str) -> Link:
        """One post."""
        return Link(f"{self._base}/post/{post_id}")

    def revisions(self, post_id: str) -> Link:
        """The versions of one post."""
        return Link(f"{self._base}/post/{post_id}/revision")

    def revision(self, post_id: str, number: int) -> Link:
        """One version of a post."""
        return Link(f"{self._base}/post/{post_id}/revision/{number}")

    def diff(self, post_id: str, number: int) -> Link:
        """The difference between a version of a post and the previous one."""
        return Link(f"{self._base}/post/{post_id}/revision/{number}/diff")

    def author(self, name: str) -> Link:
        """The profile of one author."""
        return Link(f"{self._base}/author/{_segment(name)}")

    def problem(self, fragment: str) -> str:
        """The type of a problem (RFC 9457): an identifier, and the URL of its documentation."""
        return f"{self._base}/documentation/problems#{fragment}"

    def resolve(self, html: str) -> str:
        """The HTML of a post, with its relative addresses made absolute."""
        return make_absolute(html, self._base)

    @staticmethod
    def query(link: Link, parameters: Mapping[str, str]) -> Link:
        """The same resource with query parameters."""
        return Link(f"{link.href}?{urlencode(parameters)}") if parameters else link

    @staticmethod
    def template(link: Link, parameters: tuple[str, ...]) -> Link:
        """A template of the resource with query parameters (RFC 6570)."""
        return Link(f"{link.href}{{?{','.join(parameters)}}}", templated=True)


@lru_cache(maxsize=1024)
def _segment(text: str) -> str:
    """A text as one segment of a path (RFC 3986 section 3.3)."""
    return quote(text, safe="")


@lru_cache(maxsize=64)
def links_below(base: str) -> Links:
    """The links below a base URL, cached."""
    return Links(base)


def request_base() -> str:
    """The base URL that this request was sent to.

    Raises BadRequest without a host, and for a scheme or prefix of a proxy that no URL can have.
    """
    request = current_request()
    scheme, host, prefix = request.scheme, request.host, request.root_path
    if not host:
        raise BadRequest("the request has no Host header, and the server no address for links")
    if scheme not in ("http", "https") or not _PREFIX.fullmatch(prefix):
        raise BadRequest("the scheme or the path prefix in the headers of a proxy can't be used")
    return f"{scheme}://{host}{quote(prefix)}"


def link_header(links: Mapping[str, Link]) -> str:
    """The value of a Link header (RFC 8288): the links with a registered relation."""
    return ", ".join(
        f'<{link.href}>; rel="{relation}"'
        for relation, link in links.items()
        if relation in REGISTERED and not link.templated
    )
