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
    """The failed attempts under the keys for which one sign-in is counted.

    One query reads all keys. Raises StorageError of `limits` where the database fails.
    """

    def __init__(self, session: Session, keys: Sequence[str], now: datetime) -> None:
        super().__init__(wrap_exceptions=True)
        self._session = session
        self._keys = keys
        self._now = now
        self._windows: Mapping[str, tuple[float, int]] | None = None

    @property
    def base_exceptions(self) -> type[Exception]:
        """The errors of a storage that is temporarily unavailable."""
        return StorageUnavailable

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        """The time of the first attempt in the last ``expiry`` seconds, and their number."""
        if self._windows is None:
            self._windows = self._read_windows(expiry)
        return self._windows[key]

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Add an attempt, unless the limit is reached; return whether it was added."""
        values = {"counted": key, **self._window(expiry)}

        def insert_it(connection: Connection) -> bool:
            # Another process may be about to add the last one below the limit.
            self._session.lock_name(connection, key)
            if connection.execute(_COUNT, values).scalar_one() + amount > limit:
                return False
            _SWEEP.run(connection, values)
            connection.execute(insert(attempt), [self._row(key) for _ in range(amount)])
            return True

        return self._session.write(insert_it)

    def _refuse(self: Any, *_args: object, **_kwargs: object) -> Never:
        raise NotImplementedError("the database only stores moving windows")

    # Other strategies need these, and `limits` requires them of every storage.
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
