"""The authors of every test's blog, as the credentials they sign in with.

They sign in by access token: a password would be hashed, and its address recorded, in each test.
"""

from __future__ import annotations

from typing import NamedTuple

from blog.content.tokens import PREFIX, checksum


class Person(NamedTuple):
    """An account, with its password and its access token."""

    name: str
    role: str
    password: str

    @property
    def token(self) -> str:
        text = PREFIX + self.name.upper().ljust(36, "0")
        return text + checksum(text)


_RICK = Person("rick", "author", "password")
_JOE = Person("joe", "author", "pass word")
_ANN = Person("ann", "editor", "pässwort")
# The label of their tokens.
LABEL = "tests"
PEOPLE = (_RICK, _JOE, _ANN)
RICK, JOE, ANN = ((person.name, person.token) for person in PEOPLE)
# Where passwords are the subject, or the accounts were made by commands.
PASSWORDS = [(person.name, person.password) for person in PEOPLE]
RICK_PASSWORD, JOE_PASSWORD, ANN_PASSWORD = PASSWORDS
