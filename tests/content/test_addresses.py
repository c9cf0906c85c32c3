"""Addresses in the HTML of posts: marked where they are relative, and absolute when read."""

from __future__ import annotations

import pytest

from blog.content.addresses import hide_marks, make_absolute, mark_relative
from blog.content.posts import Format
from tests.content.tags import POST_ID
from tests.renderings import render

BASE = "https://example.org/blog"


def read(address: str) -> str:
    """An address as it is stored and read again."""
    return make_absolute(mark_relative(address), BASE)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("x.png", "https://example.org/blog/x.png"),
        ("./x.png", "https://example.org/blog/x.png"),
        ("../x.png", "https://example.org/blog/x.png"),
        ("images/a/../b.png?v=1#f", "https://example.org/blog/images/b.png?v=1#f"),
        ("a/..", "https://example.org/blog/"),
        ("/a/..", "https://example.org/"),
        ("/a/../b.png", "https://example.org/b.png"),
        ("?tag=a", "https://example.org/blog/?tag=a"),
        ("", "https://example.org/blog/"),
        ("/x.png", "https://example.org/x.png"),
        ("//cdn.example/x.png", "https://cdn.example/x.png"),
    ],
)
def test_a_relative_address_becomes_absolute(address: str, expected: str) -> None:
    assert read(address) == expected


@pytest.mark.parametrize(
    "address",
    ["https://example.com/x", "HTTP://example.com", "mailto:a@example.org", "#x", "tel:1"],
)
def test_another_address_stays_as_it_is(address: str) -> None:
    assert read(address) == address


@pytest.mark.parametrize("address", ["http://[", "https://[::1/x"])
def test_an_invalid_address_leads_nowhere(address: str) -> None:
    assert read(address) == "#"


def test_without_a_prefix_both_kinds_are_below_the_host() -> None:
    html = mark_relative("a") + " " + mark_relative("/b")

    assert make_absolute(html, "http://localhost:5000") == (
        "http://localhost:5000/a http://localhost:5000/b"
    )


@pytest.mark.parametrize("format", ["markdown", "html", "text"])
def test_an_author_can_not_write_a_mark(format: Format) -> None:
    html = render("a \x80 b \x82 c", format, POST_ID)

    assert make_absolute(html, BASE) == html
    assert html.count("\ufffd") == 2


@pytest.mark.parametrize("format", ["markdown", "html"])
@pytest.mark.parametrize(
    "reference", ["&#x80;", "&#128;", "&#x0082;", "&#130", "&#xfdd0;", "&#64977;"]
)
def test_no_character_reference_is_a_mark(format: Format, reference: str) -> None:
    html = render(f'{reference} <a href="x{reference}" title="{reference}">y</a>', format, POST_ID)

    assert make_absolute(html, BASE).count(BASE) == 1


def test_other_characters_are_no_marks() -> None:
    text = "a \ufdd0 \x81 \x83 \x01 ü"

    assert hide_marks(text) == text


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ('<a href="x">y</a>', '<a href="https://example.org/blog/x">y</a>'),
        ('<img src="/x">', '<img src="https://example.org/x">'),
        (
            '<img srcset="a.png, /b.png 2x">',
            '<img srcset="https://example.org/blog/a.png, https://example.org/b.png 2x">',
        ),
        (
            '<video src="a" poster="b"></video>',
            '<video src="https://example.org/blog/a" poster="https://example.org/blog/b"></video>',
        ),
        (
            '<audio><source src="a"></audio>',
            '<audio><source src="https://example.org/blog/a"></audio>',
        ),
        (
            '<video><track src="a"></video>',
            '<video><track src="https://example.org/blog/a"></video>',
        ),
    ],
)
def test_every_address_of_a_post_is_absolute(html: str, expected: str) -> None:
    assert make_absolute(render(html, "html", POST_ID), BASE) == expected
