"""No body runs anything, loads a page, or changes the page that it stands in."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blog.content.posts import Format
from tests.content.attacks import ATTACKS
from tests.content.dangers import dangers
from tests.content.tags import POST_ID
from tests.renderings import render


@pytest.mark.parametrize("format", ["markdown", "html", "text"])
def test_no_attack_survives(format: Format) -> None:
    found = {attack: list(dangers(render(attack, format, POST_ID))) for attack in ATTACKS}

    assert {attack: dangers for attack, dangers in found.items() if dangers} == {}


# What parsers may read differently, in any order.
PARTS = st.sampled_from(
    ["<noscript>", "</noscript>", "<xmp>", "</xmp>", "<style>", "</style>", "<!--", "-->",
     "<template>", "<select>", "<svg>", "<math>", "<mtext>", "<title>", "<table>", "<noembed>",
     "<noframes>", "<plaintext>", "<textarea>", "</p>", "<p title='", "'>", "<a id=x>",
     "<iframe src=//evil.example/>", "</iframe>"]
)  # fmt: skip


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.sampled_from(ATTACKS) | PARTS | st.text(max_size=9), max_size=8).map("".join),
    st.sampled_from(["markdown", "html", "text"]),
)
def test_no_mixture_of_attacks_survives(body: str, format: Format) -> None:
    assert list(dangers(render(body, format, POST_ID))) == []


@pytest.mark.parametrize("format", ["markdown", "html"])
def test_an_address_that_is_not_checked_is_not_kept(format: Format) -> None:
    html = render('<q cite="javascript:alert(1)">said</q>', format, POST_ID)

    assert "javascript" not in html


@pytest.mark.parametrize("format", ["markdown", "html"])
def test_no_style_is_kept(format: Format) -> None:
    html = render(
        '<table><tr><td style="position:fixed;text-align:left" align="left">x</td></tr></table>',
        format,
        POST_ID,
    )

    assert 'align="left"' in html
    assert "style" not in html


@pytest.mark.parametrize("format", ["markdown", "html"])
def test_a_page_of_another_host_becomes_a_link(format: Format) -> None:
    html = render('<iframe src="https://evil.example/"></iframe>', format, POST_ID)

    assert html.strip() == (
        '<a href="https://evil.example/" rel="noopener noreferrer">https://evil.example/</a>'
    )
