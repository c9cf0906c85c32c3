"""What an access token is: a long random secret, and a label that its author knows it by."""

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

# What every token begins with, so that whoever finds one knows what it opens.
PREFIX = "blogpat_"
LONGEST_LABEL = 100
_ALPHABET = digits + ascii_uppercase + ascii_lowercase
# 36 of 62 characters are 214 bits, which nobody guesses; a hash made for passwords adds nothing.
_RANDOM_LENGTH = 36
_CHECKSUM_LENGTH = 6


def new_secret() -> str:
    """Make the secret of a new token: the prefix, 36 random characters, and a checksum.

    The checksum lets a scanner tell a token from a look-alike without asking anybody.
    """
    text = PREFIX + "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM_LENGTH))
    return text + checksum(text)


def checksum(text: str) -> str:
    """The CRC-32 of what stands before it in a token, as six digits to the base 62."""
    rest, written = crc32(text.encode()), ""
    for _ in range(_CHECKSUM_LENGTH):
        rest, digit = divmod(rest, len(_ALPHABET))
        written = _ALPHABET[digit] + written
    return written


def is_token(text: str) -> bool:
    """Whether what was sent for a password is meant as a token: no password begins like one."""
    return text.startswith(PREFIX)


def digest(secret: str) -> str:
    """What is kept of a secret: its SHA-256, in hexadecimal digits."""
    return sha256(secret.encode()).hexdigest()


def check_label(label: str) -> str:
    """Give back the label of a token, in NFC and trimmed.

    Raises AccountError unless it has 1 to 100 printable characters.
    """
    trimmed = normalize("NFC", label).strip()
    shown = trimmed.isprintable() and any(map(is_visible, trimmed))
    if not 1 <= len(trimmed) <= LONGEST_LABEL or not shown:
        raise AccountError(
            f"{label!r:.120} can't be a label: 1 to {LONGEST_LABEL} printable characters"
        )
    return trimmed
