"""How often a partner may call: a fixed window in Redis for all web processes together."""

import logging
import time
from functools import lru_cache

from django.conf import settings
from django.core.cache import cache
from redis import Redis
from redis.exceptions import RedisError

from apps.ocpi.models import Partner
from apps.ocpi.server.calls import CLIENT_ERROR, OcpiError

WINDOW_S = 10
logger = logging.getLogger(__name__)


def throttle(partner: Partner) -> None:
    """OcpiError with HTTP 429 and Retry-After beyond the deployment's limit.

    Without Redis nobody is held up.
    """
    window, into_s = divmod(time.time(), WINDOW_S)
    count = _count(f"ocpi:calls:{partner.pk}:{int(window)}")
    if count > settings.OCPI_CALLS_PER_10_S:
        raise OcpiError(
            CLIENT_ERROR,
            "Too many requests.",
            429,
            headers={"Retry-After": str(max(1, round(WINDOW_S - into_s)))},
        )


def is_worth_logging() -> bool:
    """Whether a call of nobody is written down: only some in each window, or the log drowns."""
    window = int(time.time() // WINDOW_S)
    return _count(f"ocpi:strangers:{window}") <= settings.OCPI_STRANGERS_LOGGED_PER_10_S


def _count(key: str) -> int:
    """Count one more in one exchange with Redis; the cache of Django takes two and a new client."""
    name = cache.make_key(key)
    try:
        with _redis().pipeline(transaction=False) as pipeline:
            count, _set = pipeline.incr(name).expire(name, WINDOW_S * 2).execute()
    except RedisError as err:
        logger.warning("ocpi.throttle unavailable error=%s", type(err).__name__)
        return 0
    return int(count)


@lru_cache(maxsize=1)
def _redis() -> Redis:
    return Redis.from_url(settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1)
