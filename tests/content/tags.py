"""The tags of HTML, as a parser finds them."""

from __future__ import annotations

from html.parser import HTMLParser

from blog.content.addresses import make_absolute
from blog.content.posts import Format
from tests.renderings import render

Tags = list[tuple[str, dict[str, str | None]]]

# The post whose body is rendered, and what its ids begin with; and another post.
POST_ID = "0" * 24 + "89abcdef"
PREFIX = "p89abcdef-"
OTHER_ID = "0" * 24 + "76543210"
OTHER_PREFIX = "p76543210-"


def page(body: str, format: Format, post_id: str) -> str:
    """The HTML of a body as a reader gets it, from a blog at `https://blog.example`."""
    return make_absolute(render(body, format, post_id), "https://blog.example")


def of_markdown(body: str) -> str:
    """The HTML of a Markdown text, as a reader gets it."""
    return page(body, "markdown", POST_ID)


def of_html(body: str) -> str:
    """The HTML of an HTML text, as a reader gets it."""
    return page(body, "html", POST_ID)


class _Reader(HTMLParser):
    """Notes every tag with its attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: Tags = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def tags_of(html: str) -> Tags:
    """Every tag that begins an element, with its attributes."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.tags
