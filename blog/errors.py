"""The errors of the blog, whatever response they cause.

BlogError
├── InvalidSetting        a BLOG_* variable that is unknown or invalid
├── AccountError          an account that can't be created or changed as requested
├── DatabaseError         the database can't be opened, upgraded, checked or copied
├── ServerError           the server can't be started
├── StorageUnavailable    the database is temporarily unavailable; retry later
│   ├── PoolExhausted     every connection is in use
│   ├── Unwritable        it can be read, but not written
│   ├── SchemaMismatch    it lacks a table or column that a statement names
│   ├── Unreachable       no server responds, or none that is the primary
│   ├── Interrupted       a transaction was ended without effect; retry at once
│   └── OutcomeUnknown    a commit was not confirmed; it may have succeeded
├── NotReady              a check of the server's health has failed
├── NotFound              it does not exist, or this caller may not see it
├── WrongCredentials      the name, password or access token is wrong
├── AuthenticatorUnavailable   sign-ins can't be verified; retry later
├── TooManySignIns        too many sign-ins are being verified
├── Throttled             too many sign-ins have failed
├── Forbidden             this caller may see it, but not change it
├── PreconditionFailed    it has changed since the caller last saw it
├── SlugTaken             another post has the slug that the client chose
├── PatchConflict         a patch that does not fit the present state
└── InvalidInput          input with at least one fault; lists all of them
    ├── Malformed         it can't be parsed
    │   └── DeadCursor    a cursor that is no longer valid
    └── Invalid           it was parsed, but breaks a rule
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class BlogError(Exception):
    """The root of the tree. The message is one sentence for the client or operator."""


class InvalidSetting(BlogError):
    """Raised at the start for a setting that is unknown or invalid."""


class AccountError(BlogError):
    """Raised when an author's account can't be created or changed as requested."""


class DatabaseError(BlogError):
    """Raised when the database can't be opened, upgraded, checked or copied."""


class ServerError(BlogError):
    """Raised when the server can't be started."""


class StorageUnavailable(BlogError):
    """Raised when the database is locked, full or unreachable. The request itself may be right."""


class PoolExhausted(StorageUnavailable):
    """Raised when all connections that this process may open are in use."""


class Unwritable(StorageUnavailable):
    """Raised when the database can be read but not written: it is read-only, or full."""


class SchemaMismatch(StorageUnavailable):
    """Raised when the database lacks what a statement names, or has it with another type."""


class Unreachable(StorageUnavailable):
    """Raised when no server responds, or none that is the primary."""


class Interrupted(StorageUnavailable):
    """Raised when the database ended a transaction before it was committed."""


class OutcomeUnknown(StorageUnavailable):
    """Raised when a commit was not confirmed: it may or may not have succeeded."""


class NotReady(BlogError):
    """Raised when the server's health check named ``check`` fails."""

    def __init__(self, check: str, detail: str) -> None:
        super().__init__(detail)
        self.check = check


class NotFound(BlogError):
    """Raised for what does not exist, or what this caller may not see."""


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
    """Raised when the caller may see something, but not change it."""


class PreconditionFailed(BlogError):
    """Raised when a precondition does not match the present state.

    ``current`` is the present state (a post, a profile or a revision), for its validators.
    ``changed`` lists the fields that differ from the state that the caller saw; None if unknown.
    """

    def __init__(self, detail: str, current: object, changed: Sequence[str] | None = None) -> None:
        super().__init__(detail)
        self.current = current
        self.changed = changed


class SlugTaken(BlogError):
    """Raised when a chosen slug belongs to another post."""


class PatchConflict(BlogError):
    """Raised when a JSON Patch does not apply to the present state (RFC 5789 section 2.2)."""


# A client that makes thousands of mistakes at once learns nothing from a list of them all.
MOST_FAULTS = 100
_MOST_IN_A_SENTENCE = 10


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault in the input, and its place: exactly one of the three below.

    ``pointer`` is a JSON Pointer into the request body, as a URI fragment (RFC 6901 section 6);
    ``parameter`` the name of a query parameter; ``header`` the name of a header field.
    """

    detail: str
    pointer: str | None = None
    parameter: str | None = None
    header: str | None = None

    def __str__(self) -> str:
        """The fault as a sentence."""
        name = self.header if self.parameter is None else self.parameter
        if name is not None:
            return f"{name:.60} {self.detail}"
        return f"{'the body' if self.pointer == '#' else self.pointer} {self.detail}"


class InvalidInput(BlogError):
    """Raised with all faults that were found in the input."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        listed, more = tuple(faults[:MOST_FAULTS]), len(faults) - MOST_FAULTS
        if more > 0:
            listed = (*listed, Fault(f"has {more} more faults", pointer="#"))
        self.faults = listed
        super().__init__("; ".join(map(str, self.faults[:_MOST_IN_A_SENTENCE])))


class Malformed(InvalidInput):
    """Raised for input that can't be parsed: invalid JSON, an invalid query."""


class DeadCursor(Malformed):
    """Raised for a cursor of another caller, or of a history that no longer exists."""


class Invalid(InvalidInput):
    """Raised for input that was parsed, but breaks a rule of the content."""
