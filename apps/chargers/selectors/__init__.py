"""Every read of stations, sessions and orders that more than one caller needs."""

from apps.chargers.selectors.commands import (
    BatchProgress,
    batch_progress,
    batches_page,
    command_rows,
    commands_page,
)
from apps.chargers.selectors.sessions import (
    PAGE_SIZE,
    MeterPoint,
    PowerSlot,
    SessionRow,
    SessionsPage,
    StationLatest,
    charging_power_by_slot,
    charging_power_kw,
    session_get,
    session_meter_points,
    session_row,
    sessions_live,
    sessions_page,
    stations_latest,
)

__all__ = [
    "PAGE_SIZE",
    "BatchProgress",
    "MeterPoint",
    "PowerSlot",
    "SessionRow",
    "SessionsPage",
    "StationLatest",
    "batch_progress",
    "batches_page",
    "charging_power_by_slot",
    "charging_power_kw",
    "command_rows",
    "commands_page",
    "session_get",
    "session_meter_points",
    "session_row",
    "sessions_live",
    "sessions_page",
    "stations_latest",
]
