"""The part of a shard's poll loop that answers a person's questions over the open connections."""

from datetime import datetime

from apps.assets.drivers.jobs import GatewayAsk
from apps.assets.drivers.poller import JobOutcome
from apps.assets.services.jobs import LOST, job_finish, jobs_take


class JobLoop:
    """Takes jobs and stores their answers; lives as long as a lease."""

    def __init__(self, shard_id: int) -> None:
        self._shard_id = shard_id
        self._under_way: set[int] = set()
        self._outcomes: list[JobOutcome] = []

    @property
    def is_busy(self) -> bool:
        """True while an answer is awaited."""
        return bool(self._under_way)

    def asks(self, *, now: datetime) -> list[GatewayAsk]:
        """What to ask now. One statement."""
        asks = jobs_take(shard_id=self._shard_id, now=now)
        self._under_way.update(ask.job_id for ask in asks)
        return asks

    def outcome(self, outcome: JobOutcome) -> None:
        """An answer came, also one that an earlier run asked for; stored with the next `store`."""
        self._outcomes.append(outcome)

    def store(self, *, now: datetime) -> None:
        """Store the answers."""
        while self._outcomes:
            outcome = self._outcomes[0]
            job_finish(
                job_id=outcome.ask.job_id, answer=outcome.answer, error=outcome.error, now=now
            )
            self._under_way.discard(outcome.ask.job_id)
            self._outcomes.pop(0)

    def end(self, *, now: datetime) -> None:
        """The process ends before the answers came."""
        for job_id in sorted(self._under_way):
            job_finish(job_id=job_id, error=LOST, now=now)
        self._under_way.clear()
