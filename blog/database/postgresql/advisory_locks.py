"""The advisory locks that this program takes on PostgreSQL, by keys that others do not use."""

from __future__ import annotations

from sqlalchemy import text

# Held by a transaction that must be the only one to write.
LOCK_KEY = 0x626C6F67
# Held from the last statement of a transaction to its commit, which then has its own place in the
# order of all commits.
ORDER_KEY = 0x626C6F68
# Stands before the hash of a name; locks of two numbers are apart from those of one.
NAME_KEY = 0x626C6F69

LOCK_NAME = text("SELECT pg_advisory_xact_lock(:key, hashtext(:name))")
