"""The bodies of real posts: Markdown files, and exports of WordPress and Ghost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

from blog.content.posts import Format
from tests.scenarios.test_corpus import CORPUS, read_corpus

_CONTENT = "{http://purl.org/rss/1.0/modules/content/}encoded"


class Body(NamedTuple):
    """What an author wrote, and where it is from."""

    place: str
    format: Format
    text: str


def bodies() -> Iterator[Body]:
    """Each body of the corpus that is not empty."""
    for name, text in read_corpus().items():
        yield Body(name, "markdown", text.decode())
    for path in sorted(CORPUS.glob("wxr/**/*.xml")):
        yield from _wordpress(path)
    for path in sorted(CORPUS.glob("ghost/*.json")):
        yield from _ghost(path)


def _wordpress(path: Path) -> Iterator[Body]:
    try:
        items = ElementTree.parse(path).iter("item")
    except ElementTree.ParseError:
        # Some are malformed on purpose.
        return
    for number, item in enumerate(items):
        if text := item.findtext(_CONTENT):
            yield Body(f"{path.name} {number}", "html", text)


def _ghost(path: Path) -> Iterator[Body]:
    for number, post in enumerate(_posts(json.loads(path.read_text()))):
        for format, name in (("html", "html"), ("markdown", "markdown")):
            if text := post.get(name):
                yield Body(f"{path.name} {number}", format, text)  # type: ignore[arg-type]


def _posts(root: Any) -> Any:
    """The posts of an export, in each form that it had."""
    export = root["db"][0] if "db" in root else root
    return export.get("data", export).get("posts", [])
