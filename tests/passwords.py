"""What the tests know of passwords, so that the same one is not compared thousands of times."""

from __future__ import annotations

from functools import lru_cache

from blog.storage.passwords import PasswordChecker, matches

# To compare takes 50 ms, and most tests sign in as one of the same three authors.
_matches = lru_cache(1024)(matches)


def checker() -> PasswordChecker:
    """One of a process that has verified nobody yet, which does not compare anew all the same."""
    return PasswordChecker(_matches)
