"""What a post gets of its HTML beyond what its author wrote: ids, links, media, embeds."""

from __future__ import annotations

import re

import pytest

from blog.content.posts import Format
from tests.content.tags import (
    OTHER_ID,
    OTHER_PREFIX,
    POST_ID,
    PREFIX,
    of_html,
    of_markdown,
    page,
)

in_each_format = pytest.mark.parametrize("format", ["markdown", "html"])


@in_each_format
def test_an_id_and_the_link_to_it_get_the_same_prefix(format: Format) -> None:
    html = page('<p id="notes">x <a href="#notes">up</a></p>', format, POST_ID)

    assert html.strip() == f'<p id="{PREFIX}notes">x <a href="#{PREFIX}notes">up</a></p>'


@in_each_format
def test_equal_ids_become_different(format: Format) -> None:
    html = page("<p id=a></p><p id=a></p><p id=a-1></p><p id=a></p>", format, POST_ID)

    assert re.findall('id="(.*?)"', html) == [
        f"{PREFIX}{name}" for name in ("a", "a-1", "a-1-1", "a-2")
    ]


@pytest.mark.parametrize("heading", ["h1", "h2", "h3", "h4", "h5", "h6"])
def test_a_heading_yields_to_another_element_with_its_id(heading: str) -> None:
    html = of_markdown(f"<{heading} id=a>x</{heading}><p id=a>y</p>")

    assert f'<{heading} id="{PREFIX}a-1">' in html
    assert f'<p id="{PREFIX}a">' in html


@pytest.mark.parametrize("link", ["#two words", "#two%20words", "#two-words"])
def test_a_link_to_an_id_with_blanks_leads_there(link: str) -> None:
    html = of_html(f'<h2 id="two words">x</h2><a href="{link}">y</a>')

    assert html == f'<h2 id="{PREFIX}two-words">x</h2><a href="#{PREFIX}two-words">y</a>'


@pytest.mark.parametrize("address", ["https:///evil.example", "https:evil.example", "ftp:x"])
def test_a_link_without_a_host_is_to_another_site(address: str) -> None:
    assert 'rel="noopener noreferrer"' in of_html(f'<a href="{address}">x</a>')


def test_a_link_in_place_of_an_embed_is_named_by_its_title() -> None:
    html = of_html('<iframe src="https://example.org/x" title="A talk"></iframe>')

    assert html.endswith(">A talk</a>")


def test_a_prefix_is_not_added_twice() -> None:
    once = of_html('<b id="x" aria-label="y">a</b><i aria-labelledby="x"></i><a href="#x">b</a>')

    assert of_html(once) == once
    assert once.count(PREFIX) == 3


@pytest.mark.parametrize(("name", "expected"), [("x", "x"), (" a b ", "a-b")])
def test_a_name_is_an_id_without_blanks(name: str, expected: str) -> None:
    assert of_html(f'<a name="{name}">y</a>') == f'<a id="{PREFIX}{expected}">y</a>'


def test_an_id_comes_before_a_name() -> None:
    assert of_html('<a name="x" id="z">y</a>') == f'<a id="{PREFIX}z">y</a>'


@pytest.mark.parametrize(
    "name",
    [
        *("aria-activedescendant", "aria-controls", "aria-describedby", "aria-details"),
        *("aria-errormessage", "aria-flowto", "aria-labelledby", "aria-owns", "headers"),
    ],
)
def test_references_to_ids_are_those_of_the_post(name: str) -> None:
    html = of_html(f'<table><tr><td {name}="a b">x</td><th id="a">y</th></tr></table>')

    assert f'{name}="{PREFIX}a {PREFIX}b"' in html


@in_each_format
@pytest.mark.parametrize("address", ["#", "#top"])
def test_a_link_to_the_beginning_of_the_page_stays(address: str, format: Format) -> None:
    assert f'<a href="{address}">x</a>' in page(f'<a href="{address}">x</a>', format, POST_ID)


@in_each_format
@pytest.mark.parametrize("start", ["/", "", "https://example.org/blog/"])
@pytest.mark.parametrize("prefix", ["", OTHER_PREFIX])
def test_a_link_into_another_post_leads_to_the_id_there(
    start: str, prefix: str, format: Format
) -> None:
    html = page(f'<a href="{start}post/{OTHER_ID}#{prefix}two\nwords">x</a>', format, POST_ID)

    assert f'post/{OTHER_ID}#{OTHER_PREFIX}two-words"' in html


@pytest.mark.parametrize("address", [f"/posts/{OTHER_ID}#x", f"/?post/{OTHER_ID}#x", "/post/1#x"])
def test_a_link_to_an_id_elsewhere_stays(address: str) -> None:
    assert of_html(f'<a href="{address}">x</a>') == f'<a href="https://blog.example{address}">x</a>'


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://example.com/", ' rel="noopener noreferrer"'),
        ("//example.com/", ' rel="noopener noreferrer"'),
        ("ftp://example.com/", ' rel="noopener noreferrer"'),
        ("\\\\example.com/", ' rel="noopener noreferrer"'),
        ("/post", ""),
        ("x", ""),
        ("mailto:a@example.com", ""),
    ],
)
def test_only_another_site_learns_nothing_of_the_page(address: str, expected: str) -> None:
    html = of_html(f'<a href="{address}" rel="opener some">x</a>')

    assert re.findall(' rel="[^"]*"|(?=>x)', html)[0] == expected


def test_relations_that_say_something_of_a_link_stay() -> None:
    html = of_html('<a href="https://example.com/" rel="ME nofollow author ugc sponsored">x</a>')

    assert 'rel="noopener noreferrer nofollow ugc sponsored me"' in html


def test_an_address_that_no_browser_can_read_leads_nowhere() -> None:
    assert of_html('<a href="//[">x</a>') == '<a href="#">x</a>'


def test_blanks_around_an_address_are_none_of_it() -> None:
    html = of_html('<a href=" /a ">x</a><img src=" /b ">')

    assert re.findall('="(.*?)"', html) == ["https://blog.example/a", "https://blog.example/b"]


def test_a_link_of_svg_is_no_link() -> None:
    assert of_html('<svg><a xlink:href="#x">y</a></svg>') == ""


def test_all_images_but_the_first_are_loaded_when_they_come_into_view() -> None:
    first, *others = of_html('<img src="a"><img src="b"><img src="c">').split("<img")[1:]

    assert "loading" not in first and "decoding" not in first
    assert all('loading="lazy" decoding="async"' in other for other in others)


@in_each_format
@pytest.mark.parametrize(
    "address",
    [
        "https://www.youtube.com/embed/x",
        "https://WWW.YouTube-nocookie.com/embed/x",
        "//player.vimeo.com/video/1",
        "https://open.spotify.com/embed/track/1",
        "https://w.soundcloud.com/player/?url=x",
        "https://codepen.io/a/embed/b",
    ],
)
def test_a_page_of_a_known_host_is_embedded_in_a_sandbox(address: str, format: Format) -> None:
    html = page(f'<iframe src="{address}" width="560">No frames</iframe>', format, POST_ID)

    absolute = address if address.startswith("https:") else f"https:{address}"
    assert html.strip() == (
        f'<iframe src="{absolute}" width="560" loading="lazy" '
        'sandbox="allow-scripts allow-same-origin allow-popups" '
        'referrerpolicy="strict-origin-when-cross-origin"></iframe>'
    )


@in_each_format
@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/x",
        "http://www.youtube.com/embed/x",
        "https://www.youtube.com.evil.example/",
        "https://www.youtube.com@evil.example/",
        "https://evil.example\\@www.youtube.com/",
        "https://www.youtube.com:8443/",
    ],
)
def test_any_other_embedded_page_becomes_a_link(address: str, format: Format) -> None:
    html = page(f'<iframe src="{address}"></iframe>', format, POST_ID)

    assert html.strip() == f'<a href="{address}" rel="noopener noreferrer">{address}</a>'


def test_an_embedded_page_of_the_blog_becomes_a_link() -> None:
    address = "https://blog.example/post"

    assert of_html('<iframe src="/post"></iframe>') == f'<a href="{address}">{address}</a>'


def test_an_author_can_not_widen_the_sandbox_of_an_embedded_page() -> None:
    html = of_html(
        '<iframe src="https://www.youtube.com/x" sandbox="allow-top-navigation" allow="camera">'
    )

    assert "allow-top-navigation" not in html
    assert "camera" not in html


def test_a_frame_without_an_address_is_left_out() -> None:
    assert of_html("a<iframe></iframe>b") == "ab"


@pytest.mark.parametrize(
    ("style", "expected"),
    [
        ("text-align:left", ' align="left"'),
        ("text-align:center", ' align="center"'),
        ("text-align:justify", ' align="justify"'),
        ("color: red; TEXT-ALIGN : Right", ' align="right"'),
        ("text-align: centered", ""),
        ("x-text-align: left", ""),
    ],
)
def test_an_alignment_in_a_style_becomes_an_attribute(style: str, expected: str) -> None:
    assert of_html(f'<p style="{style}">x</p>') == f"<p{expected}>x</p>"


def test_an_attribute_for_the_alignment_comes_before_a_style() -> None:
    assert of_html('<p align="left" style="text-align:right">x</p>') == '<p align="left">x</p>'


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (
            '<p><a class="anchor" data-heading-content></a>words</p>',
            '<p><a class="anchor"></a>words</p>',
        ),
        (
            '<h2>x <a class="anchor" data-heading-content>words</a></h2>',
            '<h2>x <a class="anchor">words</a></h2>',
        ),
        ('<h2><a class="anchor" data-heading-content></a></h2>', "<h2></h2>"),
        (
            '<p><span data-math-style="x">words <b>and</b> more</span></p>',
            "<p><span>words <b>and</b> more</span></p>",
        ),
    ],
)
def test_attributes_of_the_parser_mean_nothing_where_an_author_writes_them(
    written: str, expected: str
) -> None:
    assert of_markdown(written).strip() == expected
