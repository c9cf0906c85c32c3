"""Renders the body of a post to HTML that is safe in any page."""

from __future__ import annotations

from functools import cache
from html import escape
from typing import Any

import nh3
from markdown_it import MarkdownIt
from mdit_py_plugins.footnote import footnote_plugin

from blog.content.html_depth import nests_deeper
from blog.content.posts import Format
from blog.errors import Fault, Invalid

LARGEST_HTML = 8 * 1024 * 1024
DEEPEST_HTML = 5000

# Footnotes and in-page links need ids. The prefix prevents clashes with those of the surrounding
# page.
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
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"]).use(footnote_plugin)
    # Inline footnotes can be nested, and each level is parsed once more than the one before.
    return parser.disable("footnote_inline")


def _render_markdown(body: str) -> str:
    parser, environment = _markdown(), dict[str, Any]()
    tokens = parser.parse(body, environment)
    # A reference is expanded wherever it is used, so a few bytes can become very many.
    written = (len(str(v)) for t in tokens for c in t.children or () for v in c.attrs.values())
    _bound_size(sum(written))
    return str(parser.renderer.render(tokens, parser.options, environment))


def _bound_size(size: int) -> None:
    if size > LARGEST_HTML:
        raise _unfit(f"renders to more than {LARGEST_HTML} characters of HTML")


def _bound_depth(html: str) -> None:
    if nests_deeper(html, DEEPEST_HTML):
        raise _unfit(f"nests HTML elements more than {DEEPEST_HTML} deep")


def _unfit(detail: str) -> Invalid:
    return Invalid([Fault(detail, pointer="#/body")])


def _keep_attribute(tag: str, attribute: str, value: str) -> str | None:
    """The value of an attribute to keep: of classes, only the language of a code block."""
    if attribute == "cite" or (attribute == "style" and "text-align" not in value):
        return None
    if attribute == "class":
        return next((name for name in value.split() if name.startswith("language-")), None)
    if attribute == "href" and value.startswith("#"):
        return f"#{_ID_PREFIX}{value[1:]}"
    return value


@cache
def _cleaner() -> nh3.Cleaner:
    return nh3.Cleaner(
        attributes=_ATTRIBUTES,
        attribute_filter=_keep_attribute,
        id_prefix=_ID_PREFIX,
        # The alignment of the columns of Markdown tables.
        filter_style_properties={"text-align"},
        url_schemes={"http", "https", "mailto", "tel"},
    )


def _sanitize(html: str) -> str:
    _bound_size(len(html))
    _bound_depth(html)
    return _cleaner().clean(html)


def _paragraphs(text: str) -> str:
    blocks = text.replace("\r\n", "\n").split("\n\n")
    lines = ["<br>\n".join(escape(block.strip("\n")).split("\n")) for block in blocks]
    return "".join(f"<p>{line}</p>\n" for line in lines if line)


def render(body: str, format: Format) -> str:
    """Render a body in a format to sanitized HTML.

    Raises Invalid if the HTML would be too long or nested too deeply.
    """
    if format == "text":
        return _paragraphs(body)
    return _sanitize(_render_markdown(body) if format == "markdown" else body)
