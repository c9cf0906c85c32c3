"""The test suites of CommonMark 0.31.2 and of GitHub Flavored Markdown, example by example."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import NamedTuple

import pytest

from blog.content import markdown
from blog.content.addresses import MARKS
from blog.content.posts import Format
from blog.content.sanitizer import sanitize
from blog.content.sites import Site
from tests.content.suites import SUITES, examples, normalised, outline
from tests.content.tags import POST_ID, PREFIX
from tests.renderings import render

pytestmark = [
    pytest.mark.skipif("TEST_SUITES" not in os.environ, reason="TEST_SUITES names no test suites"),
    pytest.mark.parametrize("suite", SUITES),
]
SIZES = {"CommonMark": 652, "GitHub": 24, "extensions": 30, "regressions": 25}


class Difference(NamedTuple):
    """What is intended to differ: how to undo it in HTML, and in which examples of which suite."""

    undo: Callable[[str], str]
    numbers: dict[str, set[int]]


def without(pattern: str, kept: str = "") -> Callable[[str], str]:
    """What removes a pattern, but for what is kept of it."""
    return lambda html: re.sub(pattern, kept, html)


DIFFERENCES = (
    # A tag that no browser knows, or that would hide the text after it, is shown as text.
    Difference(
        without("&lt;", "<"),
        {
            "CommonMark": {
                *(150, 163, 170, 171, 172, 173, 176, 178, 180, 181, 182, 201, 491, 524, 536),
                *(613, 614, 615, 617, 623, 627, 628, 629),
            },
            "extensions": {22},
            "regressions": {6, 9, 14, 17},
        },
    ),
    # An address in a text is a link, which it is not in CommonMark. It has to have a host with a
    # period, of letters and digits (GitHub Flavored Markdown, section 6.9), which the suite of the
    # extensions does not ask of it.
    Difference(
        without(r'<a href="[^"]*">(.*?)</a>', r"\1"),
        {"CommonMark": {602, 608, 611, 612}, "extensions": {19}},
    ),
    # Links from a footnote back to the text have labels that say to which place.
    Difference(
        without(r' (?:data-footnote-backref-idx|aria-label)="[^"]*"'),
        {"extensions": {23, 24, 25}, "regressions": {13, 20, 21, 22}},
    ),
    # The suite does not say what comes out, only that something does.
    Difference(without(r"(?s).+"), {"extensions": {20}}),
)

# What a page does not have: classes of the author's own or with odd characters; attributes that
# HTML does not know or that only a search engine reads; addresses of schemes that are not known to
# be safe; and relative addresses as they were written: they are resolved as in a browser.
LOSSES = {
    "CommonMark": {34, 144, 152, 153, 154, 164} | {169, 616} | {598, 599, 601} | {484},
    "regressions": {9, 14},
}


def intended(suite: str) -> dict[int, Callable[[str], str]]:
    """How to undo the intended difference of each example of a suite that has one."""
    return {
        number: difference.undo
        for difference in DIFFERENCES
        for number in difference.numbers.get(suite, ())
    }


def in_page(body: str) -> str:
    """The HTML of a body in a page, without the prefix of its ids and the marks of addresses."""
    html = render(body, "markdown", POST_ID).replace(PREFIX, "")
    return re.sub(f"[{MARKS}]", "", html)


def test_every_example_is_read(suite: str) -> None:
    assert len(examples(suite)) == SIZES[suite]


def test_html_differs_from_that_of_the_suite_only_where_intended(suite: str) -> None:
    different = {
        example.number
        for example in examples(suite)
        if normalised(markdown.to_html(example.markdown)) != normalised(example.html)
    }

    assert different == set(intended(suite))


def test_nothing_differs_but_what_is_intended(suite: str) -> None:
    undo = intended(suite)
    for example in examples(suite):
        if example.number in undo:
            undone = undo[example.number](markdown.to_html(example.markdown))

            assert normalised(undone) == normalised(undo[example.number](example.html))


def test_page_has_the_same_elements_attributes_and_text_but_where_intended(suite: str) -> None:
    different = {
        example.number
        for example in examples(suite)
        if outline(in_page(example.markdown)) != outline(markdown.to_html(example.markdown))
    }

    assert different == LOSSES.get(suite, set())


def test_html_is_the_same_when_it_is_rendered_or_sanitized_again(suite: str) -> None:
    for example in examples(suite):
        bodies: dict[Format, str] = {"markdown": example.markdown, "html": example.html}
        for format, body in bodies.items():
            rendered = render(body, format, POST_ID)

            assert render(body, format, POST_ID) == rendered
            assert sanitize(rendered, Site()) == rendered
