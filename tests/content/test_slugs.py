"""Slugs: what a title gives, and what a client may choose."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blog.content.slugs import check_slug, derive_slug, number_slug


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("First!", "first"),
        ("  Hello,   World -- again  ", "hello-world-again"),
        ("C++ & C#: 3.5 things", "c-c-3-5-things"),
        ("snake_case", "snake-case"),
        ("Ünïcödé Straße", "ünïcödé-straße"),
        ("U\u0308ber", "über"),
        ("\uff26\uff35\uff2c\uff2c\u3000width ①", "full-width-1"),
        ("Привет, мир", "привет-мир"),
        ("你好\uff0c世界", "你好-世界"),
        ("नमस्ते दुनिया", "नमस्ते-दुनिया"),
        ("สวัสดี ชาวโลก", "สวัสดี-ชาวโลก"),
        ("ΟΔΥΣΣΕΥΣ", "οδυσσευς"),
        ("don't", "dont"),
        ("don\u2019t", "dont"),
        ("don\u02bct", "dont"),
        ("don\u00b4t", "dont"),
        ("don\uff07t", "dont"),
        ("\u2018Quoted\u2019 words", "quoted-words"),
        ("צה״ל", "צהל"),
        ("co\u00adop", "coop"),
        ("İstanbul", "istanbul"),
        ("I\u0307i\u0307", "ii"),
        ("☺\ufe0f", "post"),
        ("a\ufe0fb", "ab"),
        ("1\ufe0f\u20e3 step", "1-step"),
        ("👨\u200d👩\u200d👧 family", "family"),
        ("می\u200cخو\u0627\u0647م", "میخو\u0627\u0647م"),
        ("क\u094d\u200dष", "क्ष"),
        ("ខ្មែរ\u200bភាសា", "ខ្មែរ-ភាសា"),
        ("\u3164\u115f\uffa0", "post"),
        ("a\u3164b", "ab"),
        ("x \u0301y", "x-y"),
        ("\u0301x", "x"),
        ("e\u034f\u0301", "é"),
        ("\ufeff\u202ea\u2060b", "ab"),
        ("../../etc/passwd", "etc-passwd"),
        ("🎉🎉", "post"),
        ("", "post"),
        ("---", "post"),
    ],
)
def test_a_slug_is_derived_from_the_title(title: str, expected: str) -> None:
    assert derive_slug(title) == expected


def test_a_derived_slug_is_cut_at_200_characters() -> None:
    assert derive_slug("a" * 300) == "a" * 200


def test_a_cut_slug_does_not_end_in_a_hyphen() -> None:
    assert derive_slug("a" * 199 + " " + "b" * 50) == "a" * 199


@settings(deadline=None, max_examples=300)
@given(st.text(max_size=300))
def test_every_derived_slug_is_one_that_could_be_chosen(title: str) -> None:
    slug = derive_slug(title)

    assert check_slug(slug) == slug


@settings(deadline=None)
@given(st.text(max_size=50))
def test_a_slug_derived_from_a_slug_is_the_same(title: str) -> None:
    slug = derive_slug(title)

    assert derive_slug(slug) == slug


@pytest.mark.parametrize("slug", ["a", "2026", "a-b_c.d", "übung", "привет", "नमस्ते", "x" * 200])
def test_a_valid_slug_is_kept(slug: str) -> None:
    assert check_slug(slug) == slug


def test_a_chosen_slug_is_composed() -> None:
    assert check_slug("u\u0308ber") == "über"


@pytest.mark.parametrize(
    ("slug", "sentence"),
    [
        ("", "must have 1 to 200 characters, not 0"),
        ("x" * 201, "must have 1 to 200 characters, not 201"),
        ("e\u0301" * 500, "must have 1 to 200 characters, not 1000"),
        ("Hello", "must be in lower case, not 'Hello'"),
        ("two words", "may contain letters, digits, '-', '_' and '.', not U+0020"),
        ("a/b", "may contain letters, digits, '-', '_' and '.', not '/'"),
        ("a\nb", "may contain letters, digits, '-', '_' and '.', not U+000A"),
        ("a\0b", "may contain letters, digits, '-', '_' and '.', not U+0000"),
        ("a\ud800b", "may contain letters, digits, '-', '_' and '.', not U+D800"),
        ("🎉", "may contain letters, digits, '-', '_' and '.', not '🎉'"),
        (".", "must contain a letter or a digit, not only '.'"),
        ("..", "must contain a letter or a digit, not only '..'"),
        ("-_.", "must contain a letter or a digit, not only '-_.'"),
        ("a\ufe0f", "may contain letters, digits, '-', '_' and '.', not U+FE0F"),
        ("a\u200db", "may contain letters, digits, '-', '_' and '.', not U+200D"),
        ("\u3164", "may contain letters, digits, '-', '_' and '.', not U+3164"),
        ("1\u20e3", "may contain letters, digits, '-', '_' and '.', not U+20E3"),
        ("\u0301", "must contain a letter or a digit, not only '\u0301'"),
        ("a-\u0301", "must not contain a combining mark without a letter or digit before it"),
    ],
)
def test_a_slug_that_breaks_a_rule_is_refused(slug: str, sentence: str) -> None:
    with pytest.raises(ValueError) as refusal:
        check_slug(slug)

    assert str(refusal.value) == sentence


@pytest.mark.parametrize(
    ("slug", "number", "expected"),
    [
        ("first", 2, "first-2"),
        ("x" * 198, 2, "x" * 198 + "-2"),
        ("x" * 200, 2, "x" * 198 + "-2"),
        ("x" * 200, 1099511627776, "x" * 186 + "-1099511627776"),
    ],
)
def test_a_number_is_added_within_the_length(slug: str, number: int, expected: str) -> None:
    assert number_slug(slug, number) == expected
