"""Slugs: the readable name of a post, in the letters of any script.

Libraries for this either transliterate to ASCII or drop the combining marks that the scripts of
India and South-East Asia can't do without, so the rule stands here.
"""

from __future__ import annotations

import re
import unicodedata

from blog.content.texts import check_length

LONGEST_SLUG = 200
_FALLBACK = "post"


def _is_letter_or_digit(character: str) -> bool:
    return character.isalnum() or unicodedata.category(character).startswith("M")


def derive_slug(title: str) -> str:
    """Make a slug of a title: lower case, a hyphen for each run of anything else.

    Always gives a valid slug; a title without a letter or digit gives ``post``.
    """
    text = unicodedata.normalize("NFKC", title).lower()
    spaced = "".join(c if _is_letter_or_digit(c) else " " for c in text)
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
    wrong = [c for c in slug if not (_is_letter_or_digit(c) or c in "-_.")]
    if wrong:
        raise ValueError(f"may hold letters, digits, '-', '_' and '.', not {wrong[0]!r}")
    if not re.search(r"[^-_.]", slug):
        raise ValueError(f"must hold a letter or a digit, not only {slug!r:.60}")
    return slug


def number_slug(slug: str, number: int) -> str:
    """The slug with a numeric suffix, shortened where the two would be too long together."""
    suffix = f"-{number}"
    return slug[: LONGEST_SLUG - len(suffix)] + suffix
