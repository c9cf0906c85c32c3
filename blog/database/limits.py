"""Connections to a database: how many there may be, how long they wait, and what they are for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, Engine, PoolProxiedConnection
from sqlalchemy.exc import TimeoutError as PoolTimeout

from blog.errors import PoolExhausted

# How a transaction for writing goes about it: beside any other; after those that are queued too;
# or likewise and for as long as it takes, since it changes the schema.
Writing = Literal["writing", "queued", "upgrading"]
# What a connection is for; "none" is for what is asked outside of a transaction.
Purpose = Literal["none", "reading"] | Writing
# What of a power failure is outlived by each write that SQLite has acknowledged: the write itself;
# or only the database, of which the last writes may be missing.
Synchronous = Literal["full", "normal"]

_EXHAUSTED = "every connection to the database is in use"


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one process takes of a database, and the longest it waits, in seconds.

    ``connect`` is for each host that a URL names, ``statement`` for the work of one statement,
    ``lock`` for what another transaction has locked. ``synchronous`` is how far a write on SQLite
    has to be on the disk; a server is told so by its own configuration.
    """

    connections: int = 1
    connect: int = 2
    statement: float = 4.0
    lock: float = 4.0
    synchronous: Synchronous = "full"


def take_connection(engine: Engine) -> Connection:
    """A connection of an engine. Raises PoolExhausted, or StorageUnavailable."""
    try:
        return engine.connect()
    except PoolTimeout:
        raise PoolExhausted(_EXHAUSTED) from None


def take_driver_connection(engine: Engine) -> PoolProxiedConnection:
    """The driver's own connection of an engine's. Raises PoolExhausted, or StorageUnavailable."""
    try:
        return engine.raw_connection()
    except PoolTimeout:
        raise PoolExhausted(_EXHAUSTED) from None


def set_purpose(connection: Connection, purpose: Purpose) -> None:
    """Say what the next transaction of a connection is for; without a word it is reading."""
    connection.execution_options(purpose=purpose)


def purpose_of(connection: Connection) -> Purpose:
    """What the transaction of a connection is for."""
    purpose: Purpose = connection.get_execution_options().get("purpose", "reading")
    return purpose
