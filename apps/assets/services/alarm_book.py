"""The alarms of some devices while somebody watches them: latches in memory, changes in batches.

Which alarms are open comes from the database, so that a restart neither doubles nor loses one.
What a latch saw before it decided (two bad polls of three) is kept in the cache between two runs;
a cache that was emptied costs a few polls.
"""

import logging
import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from django.core.cache import cache
from redis.exceptions import RedisError

from apps.assets.choices import AlarmKind
from apps.assets.models import Alarm
from apps.assets.services.alarm_rules import RULES, Change, Latch
from apps.assets.services.alarms import (
    LONGEST_CODE,
    AlarmKey,
    Figure,
    RaisedAlarm,
    alarm_key,
    alarms_store,
)

logger = logging.getLogger(__name__)

KEPT_S = 900
Latches = dict[tuple[str, str], Latch]


class AlarmBook:
    """Takes looks at devices and stores the alarms that come of them."""

    def __init__(self, name: str, kinds: Collection[AlarmKind]) -> None:
        self._name = name
        self._kinds = [str(kind) for kind in kinds]
        self._latches: dict[int, Latches] = {}
        self._raised: list[RaisedAlarm] = []
        self._cleared: list[AlarmKey] = []
        self._touched: set[int] = set()
        self._kept: set[int] = set()

    def __contains__(self, device_id: int) -> bool:
        return device_id in self._latches

    def learn(self, device_ids: Iterable[int]) -> list[int]:
        """Watch exactly these devices; gives those that are new. Two reads when any is."""
        wanted = set(device_ids)
        for device_id in self._latches.keys() - wanted:
            del self._latches[device_id]
        new = sorted(wanted - self._latches.keys())
        if not new:
            return []
        kept = self._load(new)
        for device_id in new:
            self._latches[device_id] = kept.get(device_id, {})
        self._kept.update(kept)
        self._take_up_open(new)
        return new

    def _take_up_open(self, device_ids: list[int]) -> None:
        """The database says what is open; the cache only adds what was seen meanwhile."""
        rows = Alarm.objects.filter(
            device_id__in=device_ids, kind__in=self._kinds, cleared_at=None
        ).values_list("device_id", "kind", "code")
        opened = {(device_id, (kind, code)) for device_id, kind, code in rows}
        for device_id in device_ids:
            latches = self._latches[device_id]
            for key in [key for key, latch in latches.items() if latch.is_open]:
                if (device_id, key) not in opened:
                    del latches[key]
        for device_id, key in opened:
            latch = self._latches[device_id].get(key)
            if latch is None or not latch.is_open:
                self._latches[device_id][key] = Latch(is_open=True)

    def codes(self, device_id: int, kind: AlarmKind) -> list[str]:
        """The codes of a kind that are open or were bad lately."""
        return [code for of_kind, code in self._latches.get(device_id, ()) if of_kind == kind]

    def see(
        self, device_id: int, kind: AlarmKind, code: str = "", *, is_bad: bool | None, at: datetime
    ) -> Change | None:
        """Take one look at a device; a device that is not watched is left out."""
        latches = self._latches.get(device_id)
        code = code[:LONGEST_CODE]
        if latches is None or is_bad is None:
            return None
        latch = latches.get((kind, code))
        if latch is None:
            if not is_bad:
                return None
            latch = latches[kind, code] = Latch()
        change = latch.see(RULES[kind], is_bad=is_bad, at=at)
        if latch.is_idle:
            del latches[kind, code]
        self._touched.add(device_id)
        return change

    def raised(
        self,
        device_id: int,
        kind: AlarmKind,
        code: str = "",
        *,
        severity: int,
        figures: Mapping[str, Figure] | None = None,
        words: Mapping[str, str] | None = None,
        sensor_id: int | None = None,
    ) -> None:
        """Store this alarm with the next `store`."""
        self._raised.append(
            RaisedAlarm(
                key=alarm_key(device_id, kind, code),
                severity=severity,
                sensor_id=sensor_id,
                words=words or {},
                figures={name: _finite(value) for name, value in (figures or {}).items()},
            )
        )

    def cleared(self, device_id: int, kind: AlarmKind, code: str = "") -> None:
        """Store with the next `store` that this alarm is over."""
        key = alarm_key(device_id, kind, code)
        for n, alarm in enumerate(self._raised):
            if alarm.key == key and not alarm.is_over:
                self._raised[n] = replace(alarm, is_over=True)
                return
        self._cleared.append(key)

    def store(self, *, now: datetime) -> int:
        """Write what changed, in one batch; nothing is forgotten when the database is away."""
        changes = alarms_store(now=now, raised=self._raised, cleared=self._cleared)
        self._raised, self._cleared = [], []
        for key in changes.raised:
            logger.warning(
                "alarm.raised device=%s kind=%s code=%s", key.device_id, key.kind, key.code
            )
        for key in changes.cleared:
            logger.info(
                "alarm.cleared device=%s kind=%s code=%s", key.device_id, key.kind, key.code
            )
        return len(changes.raised) + len(changes.cleared)

    def keep(self) -> None:
        """Leave to the next run what the latches have seen and not decided yet."""
        pending: dict[int, Latches] = {}
        for device_id in self._touched & self._latches.keys():
            latches = self._latches[device_id]
            unsettled = {key: latch for key, latch in latches.items() if not latch.is_settled}
            if unsettled:
                pending[device_id] = unsettled
        self._save(pending, gone=(self._kept & self._touched) - pending.keys())
        self._kept |= pending.keys()
        self._touched.clear()

    def _load(self, device_ids: list[int]) -> dict[int, Latches]:
        try:
            kept = cache.get_many([self._cache_key(device_id) for device_id in device_ids])
        except (RedisError, OSError) as err:
            logger.warning("alarm.cache_away error=%s", err)
            return {}
        return {
            device_id: kept[self._cache_key(device_id)]
            for device_id in device_ids
            if self._cache_key(device_id) in kept
        }

    def _save(self, pending: dict[int, Latches], *, gone: set[int]) -> None:
        try:
            if pending:
                cache.set_many(
                    {self._cache_key(key): value for key, value in pending.items()}, KEPT_S
                )
            if gone:
                cache.delete_many([self._cache_key(device_id) for device_id in gone])
        except (RedisError, OSError) as err:
            logger.warning("alarm.cache_away error=%s", err)

    def _cache_key(self, device_id: int) -> str:
        return f"assets.alarms.{self._name}:{device_id}"


def _finite(value: Figure) -> Figure:
    return None if isinstance(value, float) and not math.isfinite(value) else value
