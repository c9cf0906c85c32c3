"""Failed sign-ins of the last minutes in the database: a storage of the `limits` library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Never

import uuid_utils
from limits.storage import MovingWindowSupport, Storage
from sqlalchemy import Connection, bindparam, func, insert, select

from blog.database.session import Session
from blog.errors import StorageUnavailable
from blog.storage import lifetimes
from blog.storage.tables import attempt

_c = attempt.c
_FIND = select(_c.key, _c.date).where(
    _c.key.in_(bindparam("keys", expanding=True)), lifetimes.counts(_c.date)
)
_COUNT = select(func.count()).where(_c.key == bindparam("counted"), lifetimes.counts(_c.date))
_SWEEP = lifetimes.Sweep(attempt, _c.date)


class Attempts(Storage, MovingWindowSupport):
    """The attempts under the keys that one sign-in is counted for.

    All are read at once, when one is asked for. What can't be read or written raises limits'
    own StorageError.
    """

    def __init__(self, session: Session, keys: Sequence[str], now: datetime) -> None:
        super().__init__(wrap_exceptions=True)
        self._session = session
        self._keys = keys
        self._now = now
        self._windows: Mapping[str, tuple[float, int]] | None = None

    @property
    def base_exceptions(self) -> type[Exception]:
        """What stands for a storage that can't serve."""
        return StorageUnavailable

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        """When the first attempt of the last ``expiry`` seconds was, and how many there were."""
        if self._windows is None:
            self._windows = self._read_windows(expiry)
        return self._windows[key]

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Keep an attempt of now, unless there are as many as the limit; give whether it is."""
        values = {"counted": key, **self._window(expiry)}

        def insert_it(connection: Connection) -> bool:
            # Another process may be about to keep the last one that there is room for.
            self._session.lock_name(connection, key)
            if connection.execute(_COUNT, values).scalar_one() + amount > limit:
                return False
            _SWEEP.run(connection, values)
            connection.execute(insert(attempt), [self._row(key) for _ in range(amount)])
            return True

        return self._session.write(insert_it)

    def _refuse(self: Any, *_args: object, **_kwargs: object) -> Never:
        raise NotImplementedError("only moving windows are kept in the database")

    # Other strategies would need these, and limits asks every storage for them.
    incr = get = get_expiry = check = reset = clear = _refuse

    def _read_windows(self, expiry: int) -> Mapping[str, tuple[float, int]]:
        values = {"keys": self._keys, **self._window(expiry)}
        dates: dict[str, list[float]] = {key: [] for key in self._keys}
        for key, date in self._session.reading().execute(_FIND, values):
            dates[key].append(date.timestamp())
        now = self._now.timestamp()
        return {key: (min(found, default=now), len(found)) for key, found in dates.items()}

    def _window(self, expiry: int) -> dict[str, object]:
        return lifetimes.window(self._now, timedelta(seconds=expiry))

    def _row(self, key: str) -> Mapping[str, object]:
        return {"id": uuid_utils.uuid7().hex, "key": key, "date": self._now}
