"""Slugs: readable names of posts, in any script.

Libraries either transliterate to ASCII, or omit combining marks, which the scripts of India and
South-East Asia need.
"""

from __future__ import annotations

import unicodedata

from blog.content.texts import check_length, is_visible, name_character

LONGEST_SLUG = 200
_FALLBACK = "post"

# These do not separate words: the forms of the apostrophe, and the Hebrew geresh and gershayim.
_WITHIN_WORDS = frozenset("'`\u00b4\u02bc\u2018\u2019\u055a\u05f3\u05f4\uff07")
_ZERO_WIDTH_SPACE = "\u200b"
# Invisible marks: variation selectors, the grapheme joiner, and two vowels of Khmer that are never
# written.
_UNSEEN_MARKS = frozenset("\u034f\u17b4\u17b5\u180b\u180c\u180d\u180f").union(
    map(chr, [*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)])
)
_DOTTED_I = "i\u0307"


def _is_letter_or_digit(character: str) -> bool:
    return character.isalnum() and is_visible(character)


def _is_mark(character: str) -> bool:
    """Whether it may belong to the letter before it; enclosing marks are symbols."""
    return unicodedata.category(character) in ("Mn", "Mc") and character not in _UNSEEN_MARKS


def _is_dropped(character: str) -> bool:
    """Whether a slug omits it without separating words."""
    if character in _WITHIN_WORDS:
        return True
    category = unicodedata.category(character)
    # Joiners, soft hyphens, direction marks. A zero-width space separates words.
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
    """A slug for a title: its letters and digits in lower case, with hyphens in between.

    It is always valid; for a title without a letter or digit it is ``post``.
    """
    whole = "".join(c for c in title if not _is_dropped(c))
    composed = "".join(c for c in unicodedata.normalize("NFKC", whole) if not _is_dropped(c))
    text = _without_bare_marks(composed.lower().replace(_DOTTED_I, "i"))
    spaced = "".join(c if _is_letter_or_digit(c) or _is_mark(c) else " " for c in text)
    slug = unicodedata.normalize("NFC", "-".join(spaced.split()))
    return slug[:LONGEST_SLUG].strip("-") or _FALLBACK


def check_slug(slug: str) -> str:
    """A slug that a client chose, in NFC.

    Raises ValueError, with a message for the client, for an invalid one.
    """
    # Normalization takes time that grows with the square of the length.
    if len(slug) > 4 * LONGEST_SLUG:
        check_length(slug, 1, LONGEST_SLUG)
    slug = unicodedata.normalize("NFC", slug)
    check_length(slug, 1, LONGEST_SLUG)
    if slug != slug.lower():
        raise ValueError(f"must be in lower case, not {slug!r:.60}")
    wrong = [c for c in slug if not (_is_letter_or_digit(c) or _is_mark(c) or c in "-_.")]
    if wrong:
        raise ValueError(
            f"may contain letters, digits, '-', '_' and '.', not {name_character(wrong[0])}"
        )
    if not any(map(_is_letter_or_digit, slug)):
        raise ValueError(f"must contain a letter or a digit, not only {slug!r:.60}")
    if slug != _without_bare_marks(slug):
        raise ValueError("must not contain a combining mark without a letter or digit before it")
    return slug


def number_slug(slug: str, number: int) -> str:
    """The slug with a numeric suffix, shortened if needed."""
    suffix = f"-{number}"
    return slug[: LONGEST_SLUG - len(suffix)] + suffix
