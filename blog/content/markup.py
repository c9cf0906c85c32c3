"""From what an author wrote to HTML that is safe to show in any page."""

from __future__ import annotations

from functools import cache
from html import escape

import nh3
from markdown_it import MarkdownIt
from mdit_py_plugins.footnote import footnote_plugin

from blog.content.posts import Format

# Footnotes and in-page links need ids. The prefix keeps an id that an author chose from taking
# the place of one that the surrounding page relies on.
_ID_PREFIX = "post-"
_ATTRIBUTES = {
    **nh3.ALLOWED_ATTRIBUTES,
    "code": {"class"},
    "td": nh3.ALLOWED_ATTRIBUTES["td"] | {"style"},
    "th": nh3.ALLOWED_ATTRIBUTES["th"] | {"style"},
    "*": {"id", "title", "lang", "dir"},
}


@cache
def _markdown() -> MarkdownIt:
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    return parser.use(footnote_plugin)


def _keep_attribute(tag: str, attribute: str, value: str) -> str | None:
    """Keep of a code block's classes the one that names its language, and no unchecked address."""
    if attribute == "cite":
        return None
    if attribute == "class":
        return next((name for name in value.split() if name.startswith("language-")), None)
    if attribute == "href" and value.startswith("#"):
        return f"#{_ID_PREFIX}{value[1:]}"
    return value


def _sanitize(html: str) -> str:
    return nh3.clean(
        html,
        attributes=_ATTRIBUTES,
        attribute_filter=_keep_attribute,
        id_prefix=_ID_PREFIX,
        # How the columns of a Markdown table are aligned.
        filter_style_properties={"text-align"},
        url_schemes={"http", "https", "mailto", "tel"},
    )


def _paragraphs(text: str) -> str:
    blocks = text.replace("\r\n", "\n").split("\n\n")
    lines = ["<br>\n".join(escape(block.strip("\n")).split("\n")) for block in blocks]
    return "".join(f"<p>{line}</p>\n" for line in lines if line)


def render(body: str, format: Format) -> str:
    """Render a body written in the given format to sanitized HTML."""
    if format == "text":
        return _paragraphs(body)
    return _sanitize(_markdown().render(body) if format == "markdown" else body)
