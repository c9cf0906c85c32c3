"""A password checker for tests, which compares each hash and password once."""

from __future__ import annotations

from functools import lru_cache

from blog.sign_in.passwords import PasswordChecker, matches

# A comparison takes 50 ms, and most tests sign in as one of three authors.
_matches = lru_cache(1024)(matches)


def checker() -> PasswordChecker:
    """A checker with an empty cache, as in a new process."""
    return PasswordChecker(_matches)
