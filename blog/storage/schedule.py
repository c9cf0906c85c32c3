"""The next time at which a scheduled post appears."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select

from blog.database.session import Session
from blog.storage.permissions import now_parameter
from blog.storage.tables import post

_NEXT = select(func.min(post.c.sort_date)).where(
    post.c.status == "published", post.c.sort_date > now_parameter
)


def next_publication(session: Session, now: datetime) -> datetime | None:
    """The date of the next scheduled post, None where there is none."""
    found: datetime | None = session.reading().scalar(_NEXT, {"now": now})
    return found
