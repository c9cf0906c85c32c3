"""HTML that an author wrote."""

from __future__ import annotations

import pytest

from tests.content.tags import POST_ID, page


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<p>plain</p>", "<p>plain</p>"),
        ("*not* markdown", "*not* markdown"),
        ("<b>unclosed", "<b>unclosed</b>"),
        ('<p lang="he" dir="rtl" title="t">x</p>', '<p lang="he" dir="rtl" title="t">x</p>'),
        ('<code class="nav language-c k y">i</code>', '<code class="language-c k">i</code>'),
        ('<code class="nav y">i</code>', "<code>i</code>"),
        ('<p class="wp-block-quote aligncenter">i</p>',
         '<p class="wp-block-quote aligncenter">i</p>'),
        ('<a href="//example.org" rel="nofollow opener">x</a>',
         '<a href="https://example.org" rel="noopener noreferrer nofollow">x</a>'),
        ('<a href="mailto:a@example.org" rel="opener">x</a>',
         '<a href="mailto:a@example.org">x</a>'),
        ('<a href="tel:+49">x</a>', '<a href="tel:+49">x</a>'),
        ('<a href="ftp://example.org">x</a>',
         '<a href="ftp://example.org" rel="noopener noreferrer">x</a>'),
        ('<a href="gopher://example.org">x</a>', '<a rel="noopener noreferrer">x</a>'),
        ('<img srcset="/a 1x, https://example.org/b 2x, data:c 3x">',
         '<img srcset="https://blog.example/a 1x, https://example.org/b 2x">'),
        ('<img srcset="/a,b 1x,/c 2x">',
         '<img srcset="https://blog.example/a,b 1x, https://blog.example/c 2x">'),
        ('<q cite="/a">x</q>', "<q>x</q>"),
        ('<a href="//[">x</a>', '<a href="#">x</a>'),
        ('<video poster=" /a" src="https://example.org/b"></video>',
         '<video poster="https://blog.example/a" src="https://example.org/b"></video>'),
        ('<video poster="ftp://example.org/a" src="magnet:b"></video>', "<video></video>"),
        ("before<!-- comment -->after", "beforeafter"),
    ],
)  # fmt: skip
def test_html_keeps_what_is_harmless(html: str, expected: str) -> None:
    assert page(html, "html", POST_ID) == expected
