"""A password checker for tests, which compares the same hash and password only once."""

from __future__ import annotations

from functools import lru_cache

from blog.sign_in.passwords import PasswordChecker, matches

# To compare takes 50 ms, and most tests sign in as one of the same three authors.
_matches = lru_cache(1024)(matches)


def checker() -> PasswordChecker:
    """A checker that remembers no sign-in, as in a new process."""
    return PasswordChecker(_matches)
