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
