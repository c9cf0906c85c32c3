"""How far servers of PostgreSQL are, and which of them has all that another one had."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, TextClause, text

from blog.errors import Unwritable

# What is acknowledged has been flushed, unless the operator chose not to wait for that. A standby
# says which timeline it follows to those who may read statistics, and to others the one that it
# followed at its last restartpoint.
_PLACE = """
    SELECT coalesce(
        (SELECT received_tli FROM pg_stat_wal_receiver),
        (SELECT timeline_id FROM pg_control_checkpoint())
    ), pg_last_wal_replay_lsn() - '0/0', true
    WHERE pg_is_in_recovery()
    UNION ALL
    SELECT CAST(CAST('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8) AS bit(32)) AS integer),
        CASE WHEN current_setting('synchronous_commit') = 'off' THEN pg_current_wal_insert_lsn()
             ELSE pg_current_wal_flush_lsn() END - '0/0', false
    WHERE NOT pg_is_in_recovery()
"""
_PLACE_ALONE = text(f"SELECT NULL, place.* FROM ({_PLACE}) AS place")  # nosec B608  # constant
# The identifier tells clusters apart; a standby has its primary's.
_PLACE_IN_SYSTEM = text(f"""
    SELECT (SELECT system_identifier FROM pg_control_system()), place.* FROM ({_PLACE}) AS place
""")  # nosec B608  # all of it is constant


class Place(NamedTuple):
    """How far a server is: on which timeline, and up to which byte of the log.

    A standby has replayed the log that far, a primary has written it.
    """

    timeline: int
    offset: int
    standby: bool

    def has_all(self, of: Place) -> bool:
        """Whether a standby has all that the primary had there.

        Offsets of two timelines can't be compared: each goes on from where they parted.
        """
        return self.standby and self.timeline == of.timeline and self.offset >= of.offset


def read_place(connection: Connection) -> tuple[int | None, Place]:
    """The identifier of the cluster, None where the role may not ask, and how far its server is.

    Both at once, as behind a pooler the next question may go to a server of another cluster.
    """
    known = connection.info
    if not known.get("hides_system"):
        try:
            return _read(connection, _PLACE_IN_SYSTEM)
        except Unwritable:
            known["hides_system"] = True
    return _read(connection, _PLACE_ALONE)


def _read(connection: Connection, statement: TextClause) -> tuple[int | None, Place]:
    system, timeline, offset, standby = connection.execute(statement).one()
    return system, Place(int(timeline), int(offset), standby)
