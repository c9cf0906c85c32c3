"""Copying a whole blog from one database to another, of any kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import Connection, RowMapping, Table, exists, func, insert, select
from sqlalchemy.exc import DBAPIError

from blog.database.database import Database
from blog.errors import DatabaseError
from blog.maintenance import schema
from blog.maintenance.migrations import HEAD
from blog.maintenance.unfinished_files import remove_abandoned
from blog.storage.tables import metadata

if TYPE_CHECKING:
    from hashlib import _Hash as Hash

# How many rows are in memory at once: a post may have several megabytes.
_BATCH_SIZE = 10
# A table comes after those that it refers to.
_TABLES = metadata.sorted_tables

# Called with the number of rows just processed, and the number of all rows.
Progress = Callable[[int, int], None]


def copy_database(source: Database, target: Database, progress: Progress) -> Mapping[str, int]:
    """Copy everything to an empty database; return the number of rows of each table.

    The source may be written meanwhile: its state at the beginning is copied. The copy is read back
    and compared before the commit, so the target gets everything or nothing. Raises DatabaseError
    if the source does not have the newest schema, the target is not empty, or the copy differs, and
    StorageUnavailable if either can't be reached.
    """
    source.backend.require_exists()
    with source.session() as reader:
        origin = reader.reading()
        if schema.revision(origin) != HEAD:
            raise DatabaseError(f"the source does not have schema {HEAD}: upgrade it first")
        is_new = target.backend.create()
        for directory in {file.parent for file in target.backend.files()}:
            remove_abandoned(directory)
        try:
            with target.session() as writer, writer.writing("upgrading") as destination:
                schema.upgrade_in(destination)
                target.backend.lock_tables(destination, [table.name for table in _TABLES])
                return _copy_tables(origin, destination, progress)
        except BaseException:
            target.close()
            if is_new:
                target.backend.delete()
            raise


def _copy_tables(
    origin: Connection, destination: Connection, progress: Progress
) -> Mapping[str, int]:
    for table in _TABLES:
        if destination.scalar(select(exists().select_from(table))):
            raise DatabaseError(f"the target is not empty: it has rows in {table.name!r}")
    counts = {table.name: _count(origin, table) for table in _TABLES}
    work = 2 * sum(counts.values())
    digests = {
        table.name: _copy_table(table, origin, destination, lambda done: progress(done, work))
        for table in _TABLES
    }
    for table in _TABLES:
        count, digest = _digest_table(table, destination, lambda done: progress(done, work))
        if (count, digest) != (counts[table.name], digests[table.name]):
            raise DatabaseError(f"the copy of {table.name!r} differs: nothing was copied")
    return counts


def _count(connection: Connection, table: Table) -> int:
    return connection.scalar(select(func.count()).select_from(table)) or 0


def _copy_table(
    table: Table, origin: Connection, destination: Connection, done: Callable[[int], None]
) -> bytes:
    """Copy a table; return the digest of its rows."""
    digest = sha256()
    # A computed column can't be written, but it is compared.
    names = [column.name for column in table.columns if column.computed is None]
    with _batches(table, origin) as batches:
        for rows in batches:
            written = [{name: row[name] for name in names} for row in rows]
            _insert(table, written, destination)
            _update(digest, rows)
            done(len(rows))
    return digest.digest()


def _insert(table: Table, rows: Sequence[Mapping[str, Any]], destination: Connection) -> None:
    try:
        destination.execute(insert(table), rows)
    except DBAPIError as error:
        # Later lines may show the whole row.
        reason = str(error.orig).partition("\n")[0]
        raise DatabaseError(f"the target rejects a row of {table.name!r}: {reason}") from error


def _digest_table(
    table: Table, connection: Connection, done: Callable[[int], None]
) -> tuple[int, bytes]:
    """The number of rows of a table, and their digest."""
    count, digest = 0, sha256()
    with _batches(table, connection) as batches:
        for rows in batches:
            count += len(rows)
            _update(digest, rows)
            done(len(rows))
    return count, digest.digest()


@contextmanager
def _batches(table: Table, connection: Connection) -> Iterator[Iterator[Sequence[RowMapping]]]:
    """The rows of a table, ordered by its primary key, in batches."""
    statement = select(table).order_by(*table.primary_key)
    with connection.execute(statement, execution_options={"yield_per": _BATCH_SIZE}) as result:
        yield result.mappings().partitions()


def _update(digest: Hash, rows: Sequence[RowMapping]) -> None:
    """Add rows to a digest, in a form that is the same for every kind of database."""
    for row in rows:
        digest.update(orjson.dumps(list(row.values())) + b"\n")
