"""What no body may have, since rendering would take too long."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from blog.content.html_bounds import depths, excess, most_attributes
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
    ("before", "is_refused"), [("", False), ("<svg>", True), ("<select>", True)]
)
def test_tags_in_plain_text_count_where_a_parser_may_read_them(
    before: str, is_refused: bool
) -> None:
    reason = excess(before + "<style>" + "<b>" * 501 + "</style>")

    assert bool(reason) == is_refused


def test_of_what_follows_such_text_each_tag_counts_as_three() -> None:
    assert list(depths("<svg><style><b></style><i></i>")) == [1, 1 + 3 * 3]


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


@pytest.mark.parametrize(
    "unit",
    ["<li><dd>", "<li><dt>", "<rt>", "<rp><rt>", "<option><rt>", "<div><table></div></table>",
     "<div><object></div></object>", "<div><template></div></template>",
     "<div><select></div></select>", "<b><object></b></object>", "<b><marquee></b></marquee>",
     "<span><div></span></div>", "<div><math><mi></div></mi></math>", "<div\x0b></div>",
     "<form><object></form></object></form>", "<div></x y='</div>'>",
     "<div><svg><title><a x=\"</title></a></svg></div>\">"],
)  # fmt: skip
def test_what_a_parser_does_not_close_is_counted(unit: str) -> None:
    assert excess(unit * 600) == "nests HTML elements more than 500 deep"


@pytest.mark.parametrize(
    "tag",
    ["<a x\" {} \"y>", "<a x' {} '>", "<a x=y\" {} \">", "<a \"{}>", "<a =a {}>",
     "<svg><title><a b='</title><a c={}>"],
)  # fmt: skip
def test_quotation_marks_hide_no_attributes(tag: str) -> None:
    reason = excess(tag.format("a1 " * 501))

    assert reason == "has an HTML element with more than 500 attributes"


def test_tags_inside_of_tags_are_read_a_few_times_only() -> None:
    assert excess("<x" * 10_000) == "has too many HTML tags inside of tags"


_COUNTED = (
    "a b span div p ul li dd dt table tbody tr td caption col select option button form object "
    "marquee template ruby rb rt svg math mi foreignObject title style script textarea h1 br "
    "input source x"
)
_NAMES = st.sampled_from(_COUNTED.split())
_TAGS = _NAMES.map("<{}>".format) | _NAMES.map("</{}>".format)
_ODD = st.sampled_from(
    ["<!--", "-->", "<![CDATA[", "]]>", "x", "'", "<x y='", "'>", "<path/>", "<div\x0b>", "</ >"]
)


def _depth(html: str) -> int:
    """How deep the elements are nested in the tree of a parser."""
    level, depth = [LexborHTMLParser(f"<body>{html}").body], -1
    while level:
        children = [child for node in level if node for child in node.iter()]
        level, depth = [child for child in children if child.is_element_node], depth + 1
    return depth


@settings(deadline=None, max_examples=200)
@given(st.lists(_TAGS | _TAGS | _ODD, max_size=60).map("".join))
def test_no_parser_nests_deeper_than_is_counted(body: str) -> None:
    assert _depth(body) <= max(depths(body), default=0)


@settings(deadline=None, max_examples=200)
@given(st.lists(st.sampled_from(["a", "b", "=", " ", "/", '"', "'", "\x0b", "\n"])).map("".join))
def test_no_parser_finds_more_attributes_than_are_counted(attributes: str) -> None:
    node = LexborHTMLParser(f"<body><i {attributes}>").css_first("i")

    assert node is None or len(node.attributes) <= most_attributes(attributes)
