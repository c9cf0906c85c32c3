"""The seconds after which a client may try again, as Retry-After says (RFC 9110 section 10.2.3)."""

from __future__ import annotations

# This process has too much to do at the moment.
BUSY = 1
# The database, or another resource that recovers slowly, is unavailable.
UNAVAILABLE = 5
