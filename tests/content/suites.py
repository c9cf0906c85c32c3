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

# What BLOG_TEST_SUITES names.
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
    """The HTML as a parser reads it, with attributes in order, and headings without ids."""
    body = _body(html)
    for element in body.css("*"):
        attributes = sorted(element.attributes.items())
        for name, _ in attributes:
            del element.attrs[name]
        for name, value in attributes:
            element.attrs[name] = value or ""
    return body.html or ""


def outline(html: str) -> str:
    """The elements and the text, without attributes, comments and the colours of code."""
    body = _body(html)
    for colour in body.css("pre span"):
        colour.unwrap()
    for node in list(body.traverse(include_text=True)):
        if node.is_comment_node:
            node.decompose()
    for element in body.css("*"):
        for name in element.attributes:
            del element.attrs[name]
    return body.html or ""


def _body(html: str) -> LexborNode:
    body = LexborHTMLParser(f"<body>{html}").body
    assert body
    for anchor in body.css("a.anchor[data-heading-content]"):
        heading = anchor.parent
        assert heading
        del heading.attrs["id"]
        anchor.decompose()
    return body
