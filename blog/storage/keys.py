"""Secrets that the blog makes for itself at its first start and keeps in its database."""

from __future__ import annotations

import secrets

from sqlalchemy import insert, select

from blog.storage.engine import Session
from blog.storage.tables import setting


def secret_key(session: Session) -> str:
    """The key that signs what clients carry for us; made where there is none yet."""
    statement = select(setting.c.value).where(setting.c.name == "secret_key")
    if key := session.reading().scalar(statement):
        return str(key)
    with session.writing() as connection:
        key = connection.scalar(statement)
        if key is None:
            key = secrets.token_urlsafe(32)
            connection.execute(insert(setting).values(name="secret_key", value=key))
    return str(key)
