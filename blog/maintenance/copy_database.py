"""Moving a whole blog from one database to another, of the same kind or not."""

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
from blog.maintenance.unfinished_files import sweep
from blog.storage.tables import metadata

if TYPE_CHECKING:
    from hashlib import _Hash as Hash

# Posts may have megabytes each.
_BATCH = 10
# Each table comes after those that it refers to.
_TABLES = metadata.sorted_tables

# Told of how many more rows are done, and how many there are to do in all.
Progress = Callable[[int, int], None]


def transfer(source: Database, target: Database, progress: Progress) -> Mapping[str, int]:
    """Copy everything to an empty database; give how many rows each table has.

    The source can be served and written meanwhile: what is copied is its state at the beginning.
    The copy is read back and compared before it is committed, so the target has all or nothing.
    Raises DatabaseError where the source is not at the newest schema, the target holds anything,
    or the copy differs; StorageUnavailable where either can't be reached.
    """
    source.backend.require_exists()
    with source.session() as reader:
        origin = reader.reading()
        if schema.revision(origin) != HEAD:
            raise DatabaseError(f"the source is not at schema {HEAD}: upgrade it first")
        made = target.backend.create()
        for directory in {file.parent for file in target.backend.files()}:
            sweep(directory)
        try:
            with target.session() as writer, writer.writing("upgrading") as destination:
                schema.upgrade_in(destination)
                target.backend.lock_tables(destination, [table.name for table in _TABLES])
                return _transfer(origin, destination, progress)
        except BaseException:
            target.close()
            if made:
                target.backend.delete()
            raise


def _transfer(origin: Connection, destination: Connection, progress: Progress) -> Mapping[str, int]:
    for table in _TABLES:
        if destination.scalar(select(exists().select_from(table))):
            raise DatabaseError(f"the target is not empty: it has rows in {table.name!r}")
    counts = {table.name: _count(origin, table) for table in _TABLES}
    work = 2 * sum(counts.values())
    digests = {
        table.name: _fill(table, origin, destination, lambda done: progress(done, work))
        for table in _TABLES
    }
    for table in _TABLES:
        count, digest = _summarise(table, destination, lambda done: progress(done, work))
        if (count, digest) != (counts[table.name], digests[table.name]):
            raise DatabaseError(f"the copy of {table.name!r} differs: nothing was kept")
    return counts


def _count(connection: Connection, table: Table) -> int:
    return connection.scalar(select(func.count()).select_from(table)) or 0


def _fill(
    table: Table, origin: Connection, destination: Connection, done: Callable[[int], None]
) -> bytes:
    """Copy a table; give the digest of its rows."""
    digest = sha256()
    # What the database computes is not written, and compared all the same.
    names = [column.name for column in table.columns if column.computed is None]
    with _read(table, origin) as batches:
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
        # Only the first line: the next ones may show the whole row.
        reason = str(error.orig).partition("\n")[0]
        raise DatabaseError(f"the target refuses a row of {table.name!r}: {reason}") from error


def _summarise(
    table: Table, connection: Connection, done: Callable[[int], None]
) -> tuple[int, bytes]:
    """How many rows a table has, and the digest of them."""
    count, digest = 0, sha256()
    with _read(table, connection) as batches:
        for rows in batches:
            count += len(rows)
            _update(digest, rows)
            done(len(rows))
    return count, digest.digest()


@contextmanager
def _read(table: Table, connection: Connection) -> Iterator[Iterator[Sequence[RowMapping]]]:
    """The rows of a table, by its key, some at a time: memory does not grow with the blog."""
    statement = select(table).order_by(*table.primary_key)
    with connection.execute(statement, execution_options={"yield_per": _BATCH}) as result:
        yield result.mappings().partitions()


def _update(digest: Hash, rows: Sequence[RowMapping]) -> None:
    """Add rows to a digest, as bytes that are the same whichever database they come from."""
    for row in rows:
        digest.update(orjson.dumps(list(row.values())) + b"\n")
