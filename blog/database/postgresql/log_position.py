"""Positions of PostgreSQL servers in the write-ahead log, to tell whether a replica lags."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, TextClause, text

from blog.errors import Unwritable

# An acknowledged commit has been flushed, unless the operator turned synchronous_commit off. A
# standby tells the timeline that it follows to roles that may read statistics; for other roles it
# is the timeline of its last restartpoint.
_POSITION = """
    SELECT coalesce(
        (SELECT received_tli FROM pg_stat_wal_receiver),
        (SELECT timeline_id FROM pg_control_checkpoint())
    ) AS timeline, pg_last_wal_replay_lsn() - '0/0' AS byte, true AS standby
    WHERE pg_is_in_recovery()
    UNION ALL
    SELECT CAST(CAST('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8) AS bit(32)) AS integer),
        CASE WHEN current_setting('synchronous_commit') = 'off' THEN pg_current_wal_insert_lsn()
             ELSE pg_current_wal_flush_lsn() END - '0/0', false
    WHERE NOT pg_is_in_recovery()
"""
_WITHOUT_CLUSTER = text(
    f"SELECT NULL AS cluster, position.* FROM ({_POSITION}) AS position"  # nosec B608  # constant
)
# The system identifier is the same on a primary and its standbys.
_WITH_CLUSTER = text(f"""
    SELECT (SELECT system_identifier FROM pg_control_system()) AS cluster, position.*
    FROM ({_POSITION}) AS position
""")  # nosec B608  # all of it is constant


class LogPosition(NamedTuple):
    """A timeline, and how many bytes of the log a server has written or, as a standby, replayed."""

    timeline: int
    byte: int
    standby: bool

    def includes(self, primary: LogPosition) -> bool:
        """Whether a standby has everything that the primary had at that position.

        Positions on different timelines can't be compared.
        """
        return self.standby and self.timeline == primary.timeline and self.byte >= primary.byte


def read_log_position(connection: Connection) -> tuple[int | None, LogPosition]:
    """The cluster's identifier, None if the role may not read it, and the server's log position.

    Both are read by one statement: behind a pooler the next one may run on another cluster.
    """
    known = connection.info
    if not known.get("hides_cluster"):
        try:
            return _read(connection, _WITH_CLUSTER)
        except Unwritable:
            known["hides_cluster"] = True
    return _read(connection, _WITHOUT_CLUSTER)


def _read(connection: Connection, statement: TextClause) -> tuple[int | None, LogPosition]:
    row = connection.execute(statement).one()
    return row.cluster, LogPosition(int(row.timeline), int(row.byte), row.standby)
