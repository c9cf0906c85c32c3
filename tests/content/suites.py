"""The examples of the test suites of Markdown, and how their HTML is compared."""

from __future__ import annotations

import os
import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from selectolax.lexbor import LexborHTMLParser, LexborNode

# What TEST_SUITES names.
DIRECTORY = Path(os.environ.get("TEST_SUITES", "/nowhere"))
_COMMONMARK = ("marko-2.2.4.tar.gz", "marko-2.2.4/tests/spec")
_GITHUB = ("cmark-gfm_0.29.0.gfm.6.orig.tar.gz", "cmark-gfm-0.29.0.gfm.6/test")
# The specification of GitHub repeats that of CommonMark, in an older version; its own examples are
# those that name an extension. That of task lists is named "disabled".
_FILES = {
    "CommonMark": (*_COMMONMARK, "commonmark.txt"),
    "GitHub": (*_GITHUB, "spec.txt"),
    "extensions": (*_GITHUB, "extensions.txt"),
    "regressions": (*_GITHUB, "regression.txt"),
}
SUITES = tuple(_FILES)
_EXAMPLE = re.compile(
    r"^`{32} example(?P<extensions>[^\n]*)\n(?P<markdown>.*?)^\.\n(?P<html>.*?)^`{32}$",
    re.DOTALL | re.MULTILINE,
)
# Attributes that a page adds, or that only a script on GitHub reads.
_OF_PAGES = {
    *("rel", "loading", "decoding"),
    *("data-footnote-ref", "data-footnote-backref", "data-footnote-backref-idx", "data-footnotes"),
}


@dataclass(frozen=True)
class Example:
    """What is written, and the HTML that a suite expects of it."""

    number: int
    markdown: str
    html: str


@cache
def examples(suite: str) -> tuple[Example, ...]:
    """The examples of a suite, with the numbers that they have in it."""
    return tuple(_examples(suite))


def _examples(suite: str) -> Iterator[Example]:
    found = _EXAMPLE.finditer(_text(*_FILES[suite]).replace("→", "\t"))
    for number, example in enumerate(found, 1):
        if suite != "GitHub" or example["extensions"].strip():
            yield Example(number, example["markdown"], example["html"])


def _text(archive: str, folder: str, name: str) -> str:
    with tarfile.open(DIRECTORY / archive) as files:
        file = files.extractfile(f"{folder}/{name}")
        assert file
        return file.read().decode()


def normalised(html: str) -> str:
    """The HTML as a parser reads it, with attributes in order, and headings as in the suites."""
    body = _body(html)
    _sort_attributes(body)
    return body.html or ""


def outline(html: str) -> str:
    """Normalised HTML, without comments, colours of code, and what a page adds to links."""
    body = _body(html)
    for colour in body.css("pre span"):
        colour.unwrap()
    for node in list(body.traverse(include_text=True)):
        if node.is_comment_node:
            node.decompose()
    for element in body.css("*"):
        for name in _OF_PAGES & set(element.attributes):
            del element.attrs[name]
    _sort_attributes(body)
    return body.html or ""


def _sort_attributes(body: LexborNode) -> None:
    for element in body.css("*"):
        attributes = sorted(element.attributes.items())
        for name, _ in attributes:
            del element.attrs[name]
        for name, value in attributes:
            element.attrs[name] = value or ""


def _body(html: str) -> LexborNode:
    body = LexborHTMLParser(f"<body>{html}").body
    assert body
    # The suites have neither ids of headings nor links to them.
    for anchor in body.css("a.anchor[data-heading-content]"):
        anchor.decompose()
    for heading in body.css("h1[id], h2[id], h3[id], h4[id], h5[id], h6[id]"):
        del heading.attrs["id"]
    return body
