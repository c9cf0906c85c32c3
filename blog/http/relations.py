"""The link relations that representations use (RFC 8288 section 2.1).

A Link header may name those that IANA has registered; the others are the blog's own.
"""

from __future__ import annotations

SELF = "self"
FIRST = "first"
PREVIOUS = "prev"
NEXT = "next"
SEARCH = "search"
AUTHOR = "author"
# RFC 5023 section 11.1
EDIT = "edit"
# RFC 5829 section 3
VERSION_HISTORY = "version-history"
LATEST_VERSION = "latest-version"
PREDECESSOR_VERSION = "predecessor-version"
SUCCESSOR_VERSION = "successor-version"

REGISTERED = frozenset(
    {
        *(SELF, FIRST, PREVIOUS, NEXT, SEARCH, AUTHOR, EDIT),
        *(VERSION_HISTORY, LATEST_VERSION, PREDECESSOR_VERSION, SUCCESSOR_VERSION),
    }
)

HOME = "home"
ME = "me"
POST = "post"
POSTS = "posts"
AUTHORS = "authors"
TAGS = "tags"
REVISIONS = "revisions"
DIFF = "diff"
OPERATIONS = "operations"
CHANGES = "changes"
# The end of the change feed.
LATEST = "latest"

# Those that lead to a change.
WRITING = frozenset({EDIT})
