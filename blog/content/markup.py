"""Renders the body of a post to HTML that is safe in any page."""

from __future__ import annotations

from html import escape

from blog.content import html_bounds, markdown
from blog.content.html_tree import adapt
from blog.content.posts import Format
from blog.content.sanitizer import sanitize
from blog.errors import Fault, Invalid


def render(body: str, format: Format, post_id: str) -> str:
    """Render a body in a format to sanitized HTML, as a part of any page.

    Raises Invalid if there is too much of something to render it in time.
    """
    if format == "text":
        return _paragraphs(body)
    html = _from_markdown(body) if format == "markdown" else body
    _refuse(html_bounds.excess(html))
    return sanitize(adapt(html, post_id, is_markdown=format == "markdown"))


def _from_markdown(body: str) -> str:
    _refuse(markdown.excess(body))
    html = markdown.to_html(body)
    _refuse(html_bounds.length_excess(html))
    return markdown.show_unknown_tags(html)


def _refuse(reason: str | None) -> None:
    """Raise Invalid if there is a reason."""
    if reason:
        raise Invalid([Fault(reason, pointer="#/body")])


def _paragraphs(text: str) -> str:
    blocks = text.replace("\r\n", "\n").split("\n\n")
    lines = ["<br>\n".join(escape(block.strip("\n")).split("\n")) for block in blocks]
    return "".join(f"<p>{line}</p>\n" for line in lines if line)
