"""Text without markup, and what holds for all formats."""

from __future__ import annotations

import pytest

from blog.content.posts import Format
from tests.content.tags import POST_ID, page


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("one line", "<p>one line</p>\n"),
        ("a\nb\n\nc", "<p>a<br>\nb</p>\n<p>c</p>\n"),
        ("a\r\nb\r\n\r\nc\r\n", "<p>a<br>\nb</p>\n<p>c</p>\n"),
        ("\n\n\na\n\n\n\nb\n", "<p>a</p>\n<p>b</p>\n"),
        ("*a* <b>&amp;</b> \"'", "<p>*a* &lt;b&gt;&amp;amp;&lt;/b&gt; &quot;&#x27;</p>\n"),
    ],
)
def test_text_is_escaped_and_kept_in_paragraphs(text: str, expected: str) -> None:
    assert page(text, "text", POST_ID) == expected


@pytest.mark.parametrize("format", ["html", "markdown"])
def test_an_id_and_the_link_to_it_get_the_same_prefix(format: Format) -> None:
    html = page('<p id="notes">x <a href="#notes">up</a></p>', format, POST_ID)

    assert html.strip() == '<p id="p89abcdef-notes">x <a href="#p89abcdef-notes">up</a></p>'


@pytest.mark.parametrize("format", ["html", "markdown"])
def test_the_beginning_of_a_page_is_linked_as_it_is(format: Format) -> None:
    html = page('<a href="#top">up</a> <a href="#">up</a>', format, POST_ID)

    assert '<a href="#top">' in html
    assert '<a href="#">' in html


@pytest.mark.parametrize("format", ["html", "markdown"])
def test_another_post_is_linked_by_its_own_prefix(format: Format) -> None:
    other = "https://example.org/post/" + "1" * 24 + "deadbeef"

    html = page(f'<a href="{other}#notes">there</a>', format, POST_ID)

    assert f'href="{other}#pdeadbeef-notes"' in html


def test_a_name_of_the_old_kind_is_an_id() -> None:
    assert page('<a name="a b">x</a>', "html", POST_ID) == '<a id="p89abcdef-a-b">x</a>'


def test_images_but_the_first_load_when_they_come_into_view() -> None:
    html = page('<img src="//a"><img src="//b">', "html", POST_ID)

    assert html == '<img src="https://a"><img src="https://b" loading="lazy" decoding="async">'


def test_a_page_of_a_known_host_is_embedded() -> None:
    html = page(
        '<iframe src="//www.youtube.com/embed/x" width="9">No frames</iframe>', "html", POST_ID
    )

    assert html.startswith('<iframe src="https://www.youtube.com/embed/x" width="9"')
    assert html.endswith("></iframe>")


def test_a_frame_without_an_address_is_left_out() -> None:
    assert page("a<iframe></iframe>b", "html", POST_ID) == "ab"


def test_a_link_of_svg_is_no_link() -> None:
    assert page('<svg><a xlink:href="#x">y</a></svg>', "html", POST_ID) == ""
