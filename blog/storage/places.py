"""How far servers of PostgreSQL are, and which of them has all that another one had."""

from __future__ import annotations

from contextlib import suppress
from typing import NamedTuple

from sqlalchemy import Connection, text

from blog.errors import Unwritable

# What is acknowledged has been flushed, unless the operator chose not to wait for that. A standby
# says which timeline it follows to those who may read statistics, and to others the one that it
# followed at its last restartpoint.
PLACE = text("""
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
""")

# Tells clusters apart; a standby has its primary's.
_SYSTEM = text("SELECT system_identifier FROM pg_control_system()")


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


def read_system(connection: Connection) -> int | None:
    """The identifier of the cluster, asked once for each connection.

    None where the role may not ask.
    """
    known = connection.info
    if "system" not in known:
        known["system"] = None
        with suppress(Unwritable):
            known["system"] = connection.scalar(_SYSTEM)
    found: int | None = known["system"]
    return found
