"""Text without markup, and what holds for all formats."""

from __future__ import annotations

import pytest

from blog.content.posts import Format
from tests.content.tags import POST_ID, page


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("one line", "<p>one line</p>\n"),
        ("a\nb\n\nc", "<p>a<br>\nb</p>\n<p>c</p>\n"),
        ("a\r\nb\r\n\r\nc\r\n", "<p>a<br>\nb</p>\n<p>c</p>\n"),
        ("\n\n\na\n\n\n\nb\n", "<p>a</p>\n<p>b</p>\n"),
        ("*a* <b>&amp;</b> \"'", "<p>*a* &lt;b&gt;&amp;amp;&lt;/b&gt; &quot;&#x27;</p>\n"),
    ],
)
def test_text_is_escaped_and_kept_in_paragraphs(text: str, expected: str) -> None:
    assert page(text, "text", POST_ID) == expected


@pytest.mark.parametrize("format", ["markdown", "html", "text"])
def test_an_empty_body_is_empty(format: Format) -> None:
    assert page("", format, POST_ID) == ""
