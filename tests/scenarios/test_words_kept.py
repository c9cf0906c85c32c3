"""Rendering real posts loses none of their words."""

from __future__ import annotations

import os
import re
from collections import Counter
from html import unescape

import pytest
from selectolax.lexbor import LexborHTMLParser

from blog.errors import Invalid
from tests.renderings import render
from tests.scenarios.real_posts import Body, bodies

# Words that are not shown, and why.
EXCEPTIONS = {
    # A cell more than the table has columns is left out, as on GitHub.
    "md-rust-blog/inside-rust/this-development-cycle-in-cargo-1.79/index.md": {"Same": 1},
}

# The markup in Markdown that is not text, in the order in which it is removed.
HIDDEN = [
    r"(?s)<!--.*?-->",
    r"(?s)<(style|script)\b.*?</\1>",
    r"""</?[a-zA-Z](?:[^<>"']|"[^"]*"|'[^']*')*>""",
    # Footnotes, what links lead to, and the definitions of links and their names.
    r"\[\^[^\]\n]+\]:?(?!\()",
    r"""\]\(\s*[^()\s]*(?:\([^()\s]*\)[^()\s]*)*(?:\s+(?:"[^"]*"|'[^']*'))?\s*\)""",
    r"(?m)^[ >]*\[(?!\^)[^\]]+\]:\s*\S+.*",
    r"\]\s?\[[^\]]*\]",
    # Fences, numbers of items, boxes, kinds of alerts and ids of headings.
    r"(?m)^[ >]*(?:```|~~~).*$",
    r"(?m)^[ >]*(?:[-*] +)?\d+[.)](?=\s)",
    r"(?m)^[ >*-]*\[[ xX]\]",
    r"\[!\w+\]",
    r"\{#[\w-]+\}",
]
WORD = re.compile(r"[^\W_]+")

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif("TEST_CORPUS" not in os.environ, reason="TEST_CORPUS names no real posts"),
]


def words(text: str) -> Counter[str]:
    """How often a text has each word."""
    return Counter(WORD.findall(text))


def written(markdown: str) -> Counter[str]:
    """The words that an author wrote to be read."""
    for expression in HIDDEN:
        markdown = re.sub(expression, " ", markdown)
    return words(unescape(markdown))


def shown(html: str) -> Counter[str]:
    """The words that a browser shows, where a tag ends a word or does not."""
    body = LexborHTMLParser(f"<body>{html}").body
    assert body is not None
    for element in body.css("style, script, noscript, template"):
        element.decompose()
    images = " ".join(image.attributes.get("alt") or "" for image in body.css("img"))
    return words(f"{body.text(separator=' ')} {images}") | words(f"{body.text()} {images}")


def lost(body: Body) -> Counter[str]:
    """The words of a body that its HTML does not show."""
    before = written(body.text) if body.format == "markdown" else shown(body.text)
    return before - shown(render(body.text, body.format, "0" * 32))


def test_no_word_of_a_real_post_is_lost() -> None:
    every = list(bodies())
    missing = {body.place: dict(words) for body in every if (words := lost(body))}

    assert len(every) > 1400
    assert missing == EXCEPTIONS


def refusal(body: Body) -> str:
    """Why a body five times as long is refused; empty where it is not."""
    try:
        render(body.text * 5, body.format, "0" * 32)
    except Invalid as error:
        return error.faults[0].detail
    return ""


def test_a_post_five_times_as_long_as_a_real_one_is_not_refused() -> None:
    assert {body.place: why for body in bodies() if (why := refusal(body))} == {}
