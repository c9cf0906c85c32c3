"""Access to a blog as a caller of the API has it, without a request."""

from __future__ import annotations

from datetime import datetime

from blog.content.authors import Caller
from blog.database.session import Session
from blog.storage.access import Access
from tests.renderings import RENDERER


def access_for(session: Session, caller: Caller | None, now: datetime) -> Access:
    """The access of a caller, or of an anonymous one, at a time; posts are rendered as usual."""
    return Access(session, caller, now, RENDERER)
