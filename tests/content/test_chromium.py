"""In a browser, nothing that an author writes runs, or gets out of the post it stands in."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

import pytest

from blog.content.posts import Format
from tests.content.attacks import ATTACKS
from tests.content.chromium import Finding, Way, is_installed, watch
from tests.content.tags import POST_ID, page
from tests.scenarios.test_corpus import CORPUS

FORMATS: tuple[Format, ...] = ("markdown", "html", "text")
# The browser takes longer for each element of a larger page.
ON_A_PAGE = 2000
each_way = partial(pytest.mark.parametrize, "way", ids=lambda way: way.name.lower())

# Those that load something as they are made.
CLASSES = ("EventSource", "Image", "SharedWorker", "WebSocket", "Worker", "XMLHttpRequest")
# What follows are attacks as they are, so that the tests can fail. Each is noticed like this.
RUNNING = {
    "<script>alert(1)</script>": "alert",
    "<script>unknown()</script>": "error",
    "<script>fetch('/')</script>": "fetch",
    "<script>navigator.sendBeacon('/')</script>": "sendBeacon",
    "<script>document.write('x')</script>": "write",
    "<img src=x onerror=confirm(1)>": "confirm",
    "<p onclick=prompt(1)>x</p>": "prompt",
    "<p onmouseover=print()>x</p>": "print",
    "<p tabindex=1 onfocus=open()>x</p>": "open",
    "<svg><animate attributeName=x dur=1s onbegin=eval(1)></svg>": "eval",
    "<form action='/'></form>": "submit",
    **{f"<script>new {name}('/')</script>": name for name in CLASSES},
}
# Those that run later, or in a frame: nothing says whose they are.
RUNNING_ELSEWHERE = {
    "<a href='java&Tab;script:alert(1)'>x</a>": "alert",
    "<svg><a xlink:href='javascript:confirm(1)'><text>x</text></a></svg>": "confirm",
    "<form action='javascript:prompt(1)'></form>": "prompt",
    "<iframe src='javascript:parent.print()'></iframe>": "print",
    "<iframe srcdoc='<script>parent.open()</script>'></iframe>": "open",
    "<iframe src='data:text/html,<script>top.postMessage(1, `*`)</script>'></iframe>": "message 1",
    "<embed src='data:text/html,<script>top.postMessage(2, `*`)</script>'>": "message 2",
    "<script>Promise.reject(1)</script>": "error",
}
FORBIDDEN = {
    "<script>let x</script>": "policy script-src-elem",
    "<p onclick='x = 1'>x</p>": "policy script-src-attr",
    "<p style='color: red'>x</p>": "policy style-src-attr",
    "<style>p { color: red }</style>": "policy style-src-elem",
}
SURVIVING = {
    "<a href=' &#1;java&NewLine;script:x'>x</a>": "javascript:x",
    "<p onfuture=x>x</p>": "onfuture",
    "<p id=menu>x</p>": "id menu",
    "<p class=menu>x</p>": "class menu",
    "<img name=cookie>": "name",
    "<img src='data:image/svg+xml,x'>": "data:image/svg+xml,x",
}
DISTURBING = {
    "</article><p>x": "the page is another: P  0 for HR  0",
    "<plaintext>": "the page is another: its end",
    "<!--": "the page is another: its end",
    "<b>never closed": "the page is another: B  0 for #text  0",
    "<body class=x>": "the page is another: BODY  1 for BODY  0",
    "<base href='//evil.example/'>": "the page has other styles, or addresses",
    "<style>p { color: red }</style>": "the page has other styles, or addresses",
    "<meta http-equiv=refresh content='0;url=//evil.example/'>": "the page is gone",
    "<script>location = '//evil.example/'</script>": "the page is gone",
    "<form name=documentElement></form>": "the page is gone",
}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not is_installed(), reason="Chromium is not installed"),
]


def assert_harmless(texts: Iterable[str], way: Way) -> None:
    """Assert that nothing happens when a browser shows these texts in each format."""
    written = {page(text, format, POST_ID): (format, text) for text in texts for format in FORMATS}
    bodies = list(written)
    for start in range(0, len(bodies), ON_A_PAGE):
        shown = bodies[start : start + ON_A_PAGE]
        found = watch(shown, way)

        assert [(what, n is not None and written[shown[n]]) for n, what in found] == []


@each_way(argvalues=Way)
def test_no_attack_does_anything_in_a_browser(way: Way) -> None:
    assert_harmless(ATTACKS, way)


def test_what_runs_is_noticed() -> None:
    found = watch(list(RUNNING), Way.PARSED)

    assert {Finding(*each) for each in enumerate(RUNNING.values())} <= set(found)


def test_what_runs_in_inserted_html_is_noticed() -> None:
    body, what = "<img src=x onerror=confirm(1)>", "confirm"

    assert Finding(0, what) in watch([body], Way.INSERTED)


def test_what_runs_later_or_in_a_frame_is_noticed() -> None:
    found = watch(list(RUNNING_ELSEWHERE), Way.PARSED)

    assert {Finding(None, what) for what in RUNNING_ELSEWHERE.values()} <= set(found)


def test_what_a_policy_forbids_is_noticed() -> None:
    found = watch(list(FORBIDDEN), Way.PARSED_GUARDED)

    assert {Finding(*each) for each in enumerate(FORBIDDEN.values())} <= set(found)


def test_what_survives_is_noticed() -> None:
    found = watch(list(SURVIVING), Way.INSERTED_GUARDED)

    assert {Finding(*each) for each in enumerate(SURVIVING.values())} <= set(found)


@pytest.mark.parametrize("body", DISTURBING)
def test_what_changes_the_page_is_noticed(body: str) -> None:
    found = watch(["<p>before</p>", body, "after"], Way.PARSED)

    assert Finding(None, DISTURBING[body]) in found


def payloads() -> Iterator[str]:
    """What others have attacked programs with: in feeds, and in lists with one on each line."""
    for path in sorted(CORPUS.glob("feeds/**/*.xml")):
        yield path.read_text(errors="replace")
        yield from _texts(path)
    for path in sorted(CORPUS.glob("**/*.txt")):
        yield from path.read_text(errors="replace").split("\n")


def _texts(path: Path) -> Iterator[str]:
    try:
        elements = ElementTree.parse(path).iter()
    except ElementTree.ParseError:
        # Some are malformed on purpose.
        return
    yield from (element.text for element in elements if element.text)


@pytest.mark.long
@pytest.mark.skipif("TEST_CORPUS" not in os.environ, reason="TEST_CORPUS names no attacks")
@each_way(argvalues=[Way.PARSED, Way.INSERTED_GUARDED])
def test_no_public_attack_does_anything_in_a_browser(way: Way) -> None:
    assert_harmless(payloads(), way)
