"""Messages on the displays of stations (block O)."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.chargers.choices import (
    DisplayFormat,
    DisplayPriority,
    DisplaySource,
    DisplayState,
    DisplayStatus,
)
from apps.chargers.models.messages import Ordered
from apps.chargers.models.stations import ChargingStation


class DisplayMessage(Ordered):
    """A message that a station was asked to show, or that it says it shows."""

    station = models.ForeignKey(
        ChargingStation,
        verbose_name=_("station"),
        on_delete=models.CASCADE,
        related_name="display_messages",
    )
    message_id = models.PositiveBigIntegerField(_("message id"))
    source = models.CharField(
        _("source"),
        max_length=8,
        choices=DisplaySource.choices,
        default=DisplaySource.OPERATOR,
    )
    priority = models.CharField(
        _("priority"),
        max_length=11,
        choices=DisplayPriority.choices,
        default=DisplayPriority.NORMAL_CYCLE,
    )
    state = models.CharField(
        _("shown while the station is"), max_length=11, choices=DisplayState.choices, blank=True
    )
    start_at = models.DateTimeField(_("shown from"), null=True, blank=True)
    end_at = models.DateTimeField(_("shown until"), null=True, blank=True)
    transaction_id = models.CharField(_("during transaction"), max_length=36, blank=True)
    format = models.CharField(
        _("format"), max_length=6, choices=DisplayFormat.choices, default=DisplayFormat.UTF8
    )
    language = models.CharField(_("language"), max_length=8, blank=True)
    content = models.TextField(_("text"))
    status = models.CharField(
        _("status"), max_length=9, choices=DisplayStatus.choices, default=DisplayStatus.REQUESTED
    )
    station_status = models.CharField(_("said by the station"), max_length=40, blank=True)
    told_request_id = models.BigIntegerField(
        _("told in report"), null=True, blank=True, editable=False
    )
    """The number of the last report of the station's messages that had this one."""
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)

    class Meta:
        verbose_name = _("display message")
        verbose_name_plural = _("display messages")
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["station", "message_id"],
                condition=Q(status="shown"),
                name="display_message_shown_once",
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.message_id} {self.content[:40]}"
