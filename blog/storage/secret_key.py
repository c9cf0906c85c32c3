"""The secret key that the blog generates at its first start and stores in its database."""

from __future__ import annotations

import secrets

from sqlalchemy import Connection, exists, insert, literal, select

from blog.database.session import Session
from blog.storage.tables import setting

# The name of the setting.
NAME = "secret_key"


def secret_key(session: Session) -> str:
    """The key that encrypts cursors and hashes addresses, generated where there is none."""
    statement = select(setting.c.value).where(setting.c.name == NAME)
    if key := session.reading().scalar(statement):
        return str(key)
    new = select(literal(NAME), literal(secrets.token_urlsafe(32)))
    # Another process may have generated one since.
    absent = ~exists().where(setting.c.name == NAME)

    def insert_it(connection: Connection) -> str:
        connection.execute(insert(setting).from_select(["name", "value"], new.where(absent)))
        return str(connection.scalar(statement))

    return session.write(insert_it)
