"""Connections of one process to a database: how many, how long they wait, and for what purpose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, Engine, PoolProxiedConnection
from sqlalchemy.exc import TimeoutError as PoolTimeout

from blog.errors import PoolExhausted

# How a transaction writes: concurrently with others; after those that are queued too; or likewise,
# without a time limit, to change the schema.
WritePurpose = Literal["writing", "queued", "upgrading"]
# What a connection is used for; "none" means outside of a transaction.
Purpose = Literal["none", "reading"] | WritePurpose
# What SQLite guarantees for acknowledged writes on power loss: "full", that they are not lost;
# "normal", that the database stays consistent, though the last writes may be lost.
Synchronous = Literal["full", "normal"]

_EXHAUSTED = "every connection to the database is in use"


@dataclass(frozen=True, slots=True)
class Limits:
    """How many connections one process opens, and how long it waits, in seconds.

    ``connect`` applies to each host of a URL, ``statement`` to the run of one statement, and
    ``lock`` to the wait for a lock of another transaction. ``synchronous`` is for SQLite only: a
    PostgreSQL server has its own configuration.
    """

    connections: int = 1
    connect: int = 2
    statement: float = 4.0
    lock: float = 4.0
    synchronous: Synchronous = "full"


def take_connection(engine: Engine) -> Connection:
    """A connection from an engine's pool. Raises PoolExhausted, or StorageUnavailable."""
    try:
        return engine.connect()
    except PoolTimeout:
        raise PoolExhausted(_EXHAUSTED) from None


def take_driver_connection(engine: Engine) -> PoolProxiedConnection:
    """A driver's connection from an engine's pool. Raises PoolExhausted, or StorageUnavailable."""
    try:
        return engine.raw_connection()
    except PoolTimeout:
        raise PoolExhausted(_EXHAUSTED) from None


def set_purpose(connection: Connection, purpose: Purpose) -> None:
    """Set what the connection's next transaction is for; the default is reading."""
    connection.execution_options(purpose=purpose)


def purpose_of(connection: Connection) -> Purpose:
    """What the connection's transaction is for."""
    purpose: Purpose = connection.get_execution_options().get("purpose", "reading")
    return purpose
