"""Charging without a contract: pay, start, stop, settle (AFIR art. 5; OCPP block F, I).

A stay is `paying` until its amount is authorised, `starting` until the station began, `charging`
until its CDR is there, `settling` until the provider took the money, then `paid`. What ends before
takes nothing: `released`, with the reason. What goes to the provider after the authorisation goes
through the outbox.
"""

from apps.chargers.services.ad_hoc.charges import (
    ad_hoc_charge_of,
    ad_hoc_confirm,
    ad_hoc_open,
    ad_hoc_settle,
    ad_hoc_stop,
)
from apps.chargers.services.ad_hoc.payments import ad_hoc_refund, ad_hoc_settings_save
from apps.chargers.services.ad_hoc.watch import ad_hoc_watch

__all__ = [
    "ad_hoc_charge_of",
    "ad_hoc_confirm",
    "ad_hoc_open",
    "ad_hoc_refund",
    "ad_hoc_settings_save",
    "ad_hoc_settle",
    "ad_hoc_stop",
    "ad_hoc_watch",
]
