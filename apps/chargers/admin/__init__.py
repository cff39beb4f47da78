"""The charging back-office, in the operator's admin: one module for each subject.

Django imports this package; each module registers its own models. A module of a new
subject is added to the list below.
"""

from apps.chargers.admin import (
    ad_hoc,
    certificates,
    citrineos,
    display,
    energy,
    history,
    messages,
    reservations,
    sessions,
    stations,
    tokens,
    upkeep,
    webhooks,
)

__all__ = [
    "ad_hoc",
    "certificates",
    "display",
    "citrineos",
    "energy",
    "history",
    "messages",
    "reservations",
    "sessions",
    "stations",
    "tokens",
    "upkeep",
    "webhooks",
]
