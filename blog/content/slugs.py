"""Slugs: the readable name of a post, in the letters of any script.

Libraries for this either transliterate to ASCII or drop the combining marks that the scripts of
India and South-East Asia can't do without, so the rule stands here.
"""

from __future__ import annotations

import unicodedata

from blog.content.texts import check_length, is_visible, name_character

LONGEST_SLUG = 200
_FALLBACK = "post"

# A word with one of these is one word: the apostrophe in its many forms, and the Hebrew geresh and
# gershayim.
_WITHIN_WORDS = frozenset("'`\u00b4\u02bc\u2018\u2019\u055a\u05f3\u05f4\uff07")
_ZERO_WIDTH_SPACE = "\u200b"
# Marks that show nothing by themselves: variation selectors, the grapheme joiner, two vowels of
# Khmer that are never written.
_UNSEEN_MARKS = frozenset("\u034f\u17b4\u17b5\u180b\u180c\u180d\u180f").union(
    map(chr, [*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)])
)
_DOTTED_I = "i\u0307"


def _is_letter_or_digit(character: str) -> bool:
    return character.isalnum() and is_visible(character)


def _is_mark(character: str) -> bool:
    """Whether it may be a part of the letter before it; what encloses a letter is a symbol."""
    return unicodedata.category(character) in ("Mn", "Mc") and character not in _UNSEEN_MARKS


def _is_dropped(character: str) -> bool:
    """Whether a word goes on as if it were not there."""
    if character in _WITHIN_WORDS:
        return True
    category = unicodedata.category(character)
    # Joiners, soft hyphens, marks of direction. A space without width separates words.
    if category == "Cf":
        return character != _ZERO_WIDTH_SPACE
    unseen = character.isalnum() and not is_visible(character)
    return unseen or category == "Me" or character in _UNSEEN_MARKS


def _without_bare_marks(text: str) -> str:
    """The text without the combining marks that follow no letter or digit."""
    kept = ""
    for character in text:
        if not _is_mark(character) or (
            kept and (_is_letter_or_digit(kept[-1]) or _is_mark(kept[-1]))
        ):
            kept += character
    return kept


def derive_slug(title: str) -> str:
    """Make a slug of a title: lower case, a hyphen for each run of anything else.

    Always gives a valid slug; a title without a letter or digit gives ``post``.
    """
    whole = "".join(c for c in title if not _is_dropped(c))
    composed = "".join(c for c in unicodedata.normalize("NFKC", whole) if not _is_dropped(c))
    text = _without_bare_marks(composed.lower().replace(_DOTTED_I, "i"))
    spaced = "".join(c if _is_letter_or_digit(c) or _is_mark(c) else " " for c in text)
    slug = unicodedata.normalize("NFC", "-".join(spaced.split()))
    return slug[:LONGEST_SLUG].strip("-") or _FALLBACK


def check_slug(slug: str) -> str:
    """Give back a slug that a client chose, in NFC.

    Raises ValueError, with a sentence for the client, when it breaks the rule.
    """
    # To normalize takes time that grows with the square of the length.
    if len(slug) > 4 * LONGEST_SLUG:
        check_length(slug, 1, LONGEST_SLUG)
    slug = unicodedata.normalize("NFC", slug)
    check_length(slug, 1, LONGEST_SLUG)
    if slug != slug.lower():
        raise ValueError(f"must be in lower case, not {slug!r:.60}")
    wrong = [c for c in slug if not (_is_letter_or_digit(c) or _is_mark(c) or c in "-_.")]
    if wrong:
        raise ValueError(
            f"may hold letters, digits, '-', '_' and '.', not {name_character(wrong[0])}"
        )
    if not any(map(_is_letter_or_digit, slug)):
        raise ValueError(f"must hold a letter or a digit, not only {slug!r:.60}")
    if slug != _without_bare_marks(slug):
        raise ValueError("must not hold a combining mark without a letter or digit before it")
    return slug


def number_slug(slug: str, number: int) -> str:
    """The slug with a numeric suffix, shortened where the two would be too long together."""
    suffix = f"-{number}"
    return slug[: LONGEST_SLUG - len(suffix)] + suffix
