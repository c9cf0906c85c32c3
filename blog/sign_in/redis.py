"""Redis, where failed sign-ins may be counted instead of in the database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from blog.errors import DatabaseError

if TYPE_CHECKING:
    from limits.storage import Storage

_SCHEMES = ("redis", "rediss", "redis+unix")
# In seconds; each sign-in waits for Redis.
_TIMEOUTS = {"socket_timeout": 1.0, "socket_connect_timeout": 1.0}


def open_redis(url: str) -> Storage:
    """A storage of the limits library on a Redis server; it connects at its first use.

    Raises DatabaseError for an invalid URL, and where the driver is missing.
    """
    _check_url(url)
    try:
        # The driver is optional.
        from limits.storage import RedisStorage
        from redis.backoff import NoBackoff
        from redis.exceptions import RedisError
        from redis.retry import Retry
    except ModuleNotFoundError as error:
        raise DatabaseError(
            "Redis needs redis-py; in the checkout, pip install '.[redis]'"
        ) from error
    # An idle connection may have been closed, so each command is retried once, without delay.
    options: dict[str, Any] = {"retry": Retry(NoBackoff(), 1), "key_prefix": "blog", **_TIMEOUTS}
    try:
        storage = RedisStorage(url, wrap_exceptions=True, **options)
        pool: Any = storage.storage.connection_pool
        # Only making a connection reports an unknown option.
        pool.connection_class(**pool.connection_kwargs)
    except (RedisError, TypeError, ValueError) as error:
        # The driver's message describes its own code.
        raise DatabaseError("the Redis URL has an option that can't be used") from error
    return storage


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        # Reading the port validates it.
        place = parts.path if parts.scheme == "redis+unix" else parts.port != 0 and parts.hostname
    except ValueError:
        raise DatabaseError("the Redis URL can't be read") from None
    if parts.scheme not in _SCHEMES or not place:
        raise DatabaseError(
            "name a Redis server: begin with redis://, rediss:// or redis+unix:// and where it is"
        )
