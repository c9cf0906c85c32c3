"""What no body may have, since rendering would take too long."""

from __future__ import annotations

import pytest

from blog.content.posts import Format
from blog.errors import Invalid
from tests.content.tags import POST_ID
from tests.renderings import render


@pytest.mark.long
@pytest.mark.parametrize(
    ("body", "format"),
    [
        ("<div>" * 5001, "html"),
        ("<B>" * 5001, "markdown"),
        ("<div></x>" * 5001, "html"),
        ("<div><!--</div>-->" * 5001, "html"),
        ("<div title='</div>'>" * 5001, "html"),
        ("<textarea><!--</textarea>" + "<div>" * 5001, "html"),
        ("<i><xmp></i></xmp>" * 5001, "html"),
        ("<svg>" + "<style>" * 5002, "html"),
        ("<svg>" + "<source>" * 5001, "html"),
        ("&" * 2_000_000, "markdown"),
    ],
)
def test_a_body_beyond_all_bounds_is_refused(body: str, format: Format) -> None:
    with pytest.raises(Invalid) as refusal:
        render(body, format, POST_ID)

    assert [fault.pointer for fault in refusal.value.faults] == ["#/body"]


def test_a_list_may_be_as_long_as_it_likes() -> None:
    assert render("<ul>" + "<li>x" * 6000 + "</ul>", "html", POST_ID).count("<li>") == 6000


def test_elements_next_to_each_other_are_not_nested() -> None:
    assert render("<DIV title='>'>x</div>" * 6000, "html", POST_ID).count("<div") == 6000


@pytest.mark.parametrize(
    ("body", "format", "reason"),
    [
        ("- " + ">" * 501 + "a", "markdown", "nests quotes more than 500 deep"),
        ("*a* " * 150_001, "markdown", "has more than 300000 asterisks and underscores"),
        ("_a_ " * 150_001, "markdown", "has more than 300000 asterisks and underscores"),
        ("---\n\n" * 210_000 + "<br>" * 50_000, "markdown",
         "renders to more than 250000 tags of HTML"),
        ("[^1] " * 5001, "markdown", "has more than 5000 footnotes"),
        ("a" * 8_388_609, "html", "renders to more than 8388608 characters of HTML"),
        ("<br>" * 250_001, "html", "renders to more than 250000 tags of HTML"),
        ("&" * 250_001, "html", "renders to more than 250000 character references"),
        ("<div>" * 501, "html", "nests HTML elements more than 500 deep"),
        ("<a " + "a " * 501 + ">", "html", "has an HTML element with more than 500 attributes"),
    ],
)  # fmt: skip
def test_a_refusal_says_which_bound_is_passed(body: str, format: Format, reason: str) -> None:
    with pytest.raises(Invalid) as refusal:
        render(body, format, POST_ID)

    assert [(fault.pointer, fault.detail) for fault in refusal.value.faults] == [("#/body", reason)]


@pytest.mark.parametrize(
    "body",
    ["`" + ">" * 500 + "` >", "a * _ " * 150_000, "[^1] " * 5000],
    ids=["quotes", "emphasis", "footnotes"],
)
def test_markdown_may_reach_a_bound(body: str) -> None:
    assert render(body, "markdown", POST_ID)


def test_blanks_are_no_attributes() -> None:
    assert render("<br" + " " * 100_000 + ">", "html", POST_ID) == "<br>"


def test_a_long_address_is_not_repeated_at_will() -> None:
    body = f"[a]: http://example.org/{'u' * 20_000}\n\n" + "[a] " * 500

    assert len(render(body, "markdown", POST_ID)) < 100_000
