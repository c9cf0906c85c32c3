"""Renders the body of a post to HTML that is safe in any page."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from html import escape

from blog.content import html_bounds, markdown
from blog.content.addresses import hide_marks
from blog.content.html_tree import adapt
from blog.content.posts import Format
from blog.content.renderings import Rendering, text_version_of, version_of
from blog.content.sanitizer import sanitize
from blog.content.sites import Site
from blog.errors import Fault, Invalid


@dataclass(frozen=True)
class Renderer:
    """Renders the posts of a site."""

    site: Site = field(default_factory=Site)

    @cached_property
    def version(self) -> str:
        """What HTML is stored with that is rendered now: it differs where the HTML may differ."""
        return version_of(self.site)

    @cached_property
    def text_version(self) -> str:
        """What a body is stored with that is shown as text now."""
        return text_version_of(self.version)

    def is_current(self, rendering: str | None) -> bool:
        """Whether HTML that is stored with this version need not be made anew."""
        return rendering in (self.version, self.text_version)

    def render(self, body: str, format: Format, post_id: str) -> str:
        """Render a body in a format to sanitized HTML, as a part of any page.

        A relative address in it has a mark, and is made absolute by `addresses.make_absolute`.
        Raises Invalid if there is too much of something to render it in time.
        """
        if format == "text":
            return _paragraphs(body)
        html = body
        if format == "markdown":
            _refuse(markdown.excess(body))
            html = markdown.to_html(body)
        _refuse(html_bounds.excess(html))
        adapted = adapt(hide_marks(html), post_id, self.site, is_markdown=format == "markdown")
        return sanitize(adapted, self.site)

    def render_stored(self, body: str, format: Format, post_id: str) -> Rendering:
        """Render a body that was accepted before: one that exceeds a bound now is shown as text."""
        try:
            return Rendering(self.render(body, format, post_id), self.version)
        except Invalid:
            return self.as_text(body)

    def as_text(self, body: str) -> Rendering:
        """A body as escaped text, for where it cannot be rendered."""
        return Rendering(_paragraphs(body), self.text_version)


def _refuse(reason: str | None) -> None:
    """Raise Invalid if there is a reason."""
    if reason:
        raise Invalid([Fault(reason, pointer="#/body")])


def _paragraphs(text: str) -> str:
    blocks = hide_marks(text).replace("\r\n", "\n").split("\n\n")
    lines = ["<br>\n".join(escape(block.strip("\n")).split("\n")) for block in blocks]
    return "".join(f"<p>{line}</p>\n" for line in lines if line)
