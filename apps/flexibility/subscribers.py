"""What happens here when a lower app tells news: work is enqueued, nothing else."""

from apps.flexibility.tasks import prices_arrived
from apps.markets.events import PricesChanged
from cariflex.common import events


def on_prices_changed(_event: PricesChanged) -> None:
    """A plan may be possible now that was not."""
    prices_arrived.enqueue()


def subscribe() -> None:
    """Called once the apps are ready."""
    events.subscribe(PricesChanged, on_prices_changed)
