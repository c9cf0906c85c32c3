"""On whose behalf content is read and written, when, and through which session."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal, TypeVar

from sqlalchemy import Connection, Insert

from blog.content.authors import Caller
from blog.database.session import Session

if TYPE_CHECKING:
    # Commands that render nothing need not load the libraries.
    from blog.content.markup import Renderer

# The part of the caller that decides how a statement is built; the name is bound when it is run.
CallerRole = Literal["anonymous", "author", "editor"]
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Access:
    """A session, the caller it serves, the time of the request, and what renders the posts.

    ``caller`` is None for an anonymous one.
    """

    session: Session
    caller: Caller | None
    now: datetime
    renderer: Renderer

    @property
    def author(self) -> Caller:
        """The caller of an operation that only a signed-in caller can request."""
        assert self.caller is not None  # nosec B101  # tells mypy what authentication ensures
        return self.caller

    @property
    def role(self) -> CallerRole:
        """The role of the caller."""
        return self.caller.role if self.caller else "anonymous"

    @property
    def parameters(self) -> Mapping[str, object]:
        """The values of the parameters in the conditions of `permissions`."""
        if self.caller is None:
            return {"caller_name": None, "now": self.now}
        return {
            "caller_name": self.caller.name,
            "caller_role": self.caller.role,
            "token_digest": self.caller.token_digest,
            "now": self.now,
        }

    def write(self, work: Callable[[Transaction], Result]) -> Result:
        """Return what ``work`` returns, once its transaction is committed.

        ``work`` runs again where another write interferes. Raises as `Session.write` does.
        """
        return self.session.write(lambda connection: work(Transaction(self, connection)))


@dataclass(frozen=True, slots=True)
class Transaction:
    """A transaction for writing, and on whose behalf it is."""

    access: Access
    connection: Connection

    def insert(self, statement: Insert, *rows: Mapping[str, object]) -> int:
        """Insert rows; return how many. Raises StorageUnavailable."""
        return self.access.session.insert(self.connection, statement, *rows)

    def order_commits(self) -> None:
        """Commit after every transaction that called this before.

        The next statement sees what they have written.
        """
        self.access.session.order_commits(self.connection)

    def lock_name(self, name: str) -> None:
        """Wait for other transactions that lock this name, and hold the lock until the end.

        The next statement sees what they have written.
        """
        self.access.session.lock_name(self.connection, name)
