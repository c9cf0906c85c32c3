"""Access tokens: long random secrets, with a label for their author."""

from __future__ import annotations

import secrets
from hashlib import sha256
from string import ascii_lowercase, ascii_uppercase, digits
from typing import Literal
from unicodedata import normalize
from zlib import crc32

from blog.content.texts import is_visible
from blog.errors import AccountError

Scope = Literal["read", "write"]

# Every token begins with it, so that a leaked one can be recognized.
PREFIX = "blogpat_"
LONGEST_LABEL = 100
_ALPHABET = digits + ascii_uppercase + ascii_lowercase
# 36 of 62 characters are 214 bits, which can't be guessed; a slow hash would add nothing.
_RANDOM_LENGTH = 36
_CHECKSUM_LENGTH = 6


def new_secret() -> str:
    """The secret of a new token: the prefix, 36 random characters, and a checksum.

    The checksum lets a scanner recognize a real token offline.
    """
    text = PREFIX + "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM_LENGTH))
    return text + checksum(text)


def checksum(text: str) -> str:
    """The CRC-32 of a text, as six digits in base 62."""
    rest, written = crc32(text.encode()), ""
    for _ in range(_CHECKSUM_LENGTH):
        rest, digit = divmod(rest, len(_ALPHABET))
        written = _ALPHABET[digit] + written
    return written


def is_token(text: str) -> bool:
    """Whether a password is meant as a token; no real password begins like one."""
    return text.startswith(PREFIX)


def digest(secret: str) -> str:
    """The form in which a secret is stored: its SHA-256, in hexadecimal digits."""
    return sha256(secret.encode()).hexdigest()


def check_label(label: str) -> str:
    """The label of a token, in NFC and trimmed.

    Raises AccountError unless it has 1 to 100 printable characters.
    """
    trimmed = normalize("NFC", label).strip()
    shown = trimmed.isprintable() and any(map(is_visible, trimmed))
    if not 1 <= len(trimmed) <= LONGEST_LABEL or not shown:
        raise AccountError(
            f"{label!r:.120} can't be a label: 1 to {LONGEST_LABEL} printable characters"
        )
    return trimmed
