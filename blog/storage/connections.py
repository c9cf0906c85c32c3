"""Connections to a database: how many there may be, how long they wait, and how one is taken."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import TimeoutError as PoolTimeout

from blog.errors import PoolExhausted


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one process takes of a database, and the longest it waits, in seconds.

    ``connect`` is for each host that a URL names, ``statement`` for the work of one statement,
    ``lock`` for what another transaction has locked.
    """

    connections: int = 1
    connect: int = 2
    statement: float = 4.0
    lock: float = 4.0


def take_connection(engine: Engine) -> Connection:
    """A connection of an engine. Raises PoolExhausted, or StorageUnavailable."""
    try:
        return engine.connect()
    except PoolTimeout:
        raise PoolExhausted("every connection to the database is in use") from None
