"""What can go wrong in the blog, independent of how it is told to a client.

BlogError
├── InvalidSetting        a BLOG_* variable that is unknown or can't be read
├── AccountError          an author's account that can't be made or changed as asked
├── DatabaseError         the database can't be opened, upgraded, checked or copied
├── ServerError           the server can't be started
├── StorageUnavailable    the database can't serve just now; the same request may succeed later
│   ├── PoolExhausted     every connection is in use
│   ├── Unwritable        it can be read, and not be written
│   ├── SchemaMismatch    it lacks what a statement names
│   ├── Unreachable       no server is there, or none that is the primary
│   ├── Interrupted       it was cut off without any effect; it may succeed at once
│   └── OutcomeUnknown    it was cut off at the end, and may have been done all the same
├── NotReady              a check of the server's health has failed
├── NotFound              nothing there, or nothing that this caller may see
├── WrongCredentials      the name, password or access token is wrong
├── AuthenticatorUnavailable   sign-ins can't be verified; the same request may succeed later
├── TooManySignIns        too many sign-ins are being verified
├── Throttled             too many sign-ins have failed
├── Forbidden             there, visible, and not this caller's to change
├── PreconditionFailed    it has changed since the caller last saw it
├── SlugTaken             another post has the slug that the client chose
├── PatchConflict         a patch that does not fit the present state
└── InvalidInput                input that can't be used; lists every fault found
    ├── Malformed         it can't be read
    │   └── DeadCursor    it could be once, and leads nowhere any more
    └── Invalid           it was read and breaks a rule
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class BlogError(Exception):
    """The root of the tree: its text is one sentence for whoever caused it."""


class InvalidSetting(BlogError):
    """Raised at start for a setting that is unknown or can't be read."""


class AccountError(BlogError):
    """Raised when an author's account can't be made or changed as asked."""


class DatabaseError(BlogError):
    """Raised when the database can't be opened, upgraded, checked or copied."""


class ServerError(BlogError):
    """Raised when the server can't be started."""


class StorageUnavailable(BlogError):
    """Raised when the database is locked, full or away: a state, not a mistake of the caller."""


class PoolExhausted(StorageUnavailable):
    """Raised when this process has every connection in use that it may have."""


class Unwritable(StorageUnavailable):
    """Raised when the database can't be written, though it can be read: read-only, or full."""


class SchemaMismatch(StorageUnavailable):
    """Raised when the database lacks what a statement names, or has it as something else."""


class Unreachable(StorageUnavailable):
    """Raised when no server answers, or only some that are not the primary."""


class Interrupted(StorageUnavailable):
    """Raised when the database ended a transaction before it was committed."""


class OutcomeUnknown(StorageUnavailable):
    """Raised when a commit was not confirmed: what it was for may or may not have been done."""


class NotReady(BlogError):
    """Raised by a check of the server's health that fails; ``check`` is its name."""

    def __init__(self, check: str, detail: str) -> None:
        super().__init__(detail)
        self.check = check


class NotFound(BlogError):
    """Raised for what does not exist, and for what this caller may not know to exist."""


class WrongCredentials(BlogError):
    """Raised for a name, password or access token that is wrong."""


class AuthenticatorUnavailable(BlogError):
    """Raised when the source of identities outside the blog does not respond."""


class TooManySignIns(BlogError):
    """Raised for a sign-in while too many others are being verified; it may be tried again."""


class Throttled(BlogError):
    """Raised for a sign-in after too many have failed; it may be tried in some ``seconds``."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"too many sign-ins have failed: try again in {seconds} seconds")
        self.seconds = seconds


class Forbidden(BlogError):
    """Raised for a change of something visible that the caller has no right to change."""


class PreconditionFailed(BlogError):
    """Raised when the state is not the one that the caller's precondition names.

    ``current`` is the present state (a post, a profile or a revision), so that its validators can
    be told; ``changed`` the fields in which it differs from the one that the caller saw, or None
    where that is not known.
    """

    def __init__(self, detail: str, current: object, changed: Sequence[str] | None = None) -> None:
        super().__init__(detail)
        self.current = current
        self.changed = changed


class SlugTaken(BlogError):
    """Raised when a chosen slug belongs to another post."""


class PatchConflict(BlogError):
    """Raised when a JSON Patch tests or targets what is not there (RFC 5789 section 2.2)."""


# A client that makes thousands of mistakes at once learns nothing from being told each.
MOST_FAULTS = 100
_MOST_IN_A_SENTENCE = 10


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with the input, and where.

    ``pointer`` is a JSON Pointer as a URI fragment (RFC 6901 section 6), for a request body;
    ``parameter`` the name of a query parameter; ``header`` that of a header field; one of them is
    given.
    """

    detail: str
    pointer: str | None = None
    parameter: str | None = None
    header: str | None = None

    def __str__(self) -> str:
        """The fault as a sentence of its own."""
        name = self.header if self.parameter is None else self.parameter
        if name is not None:
            return f"{name:.60} {self.detail}"
        return f"{'the body' if self.pointer == '#' else self.pointer} {self.detail}"


class InvalidInput(BlogError):
    """Raised with every fault that was found in the input, not only the first."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        told, more = tuple(faults[:MOST_FAULTS]), len(faults) - MOST_FAULTS
        self.faults = (*told, Fault(f"has {more} more faults", pointer="#")) if more > 0 else told
        super().__init__("; ".join(map(str, self.faults[:_MOST_IN_A_SENTENCE])))


class Malformed(InvalidInput):
    """Raised for input that can't be read: broken JSON, a query that makes no sense."""


class DeadCursor(Malformed):
    """Raised for a cursor of another caller, or of a history that is no more."""


class Invalid(InvalidInput):
    """Raised for input that was read and breaks a rule of the content."""
