"""Places kept for somebody (block H)."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.chargers.choices import ReservationStatus
from apps.chargers.models.messages import Ordered
from apps.chargers.models.sessions import Session
from apps.chargers.models.stations import ChargingStation


class Reservation(Ordered):
    """One reservation; its number is the row's id and is what the station knows it by."""

    station = models.ForeignKey(
        ChargingStation, on_delete=models.CASCADE, related_name="reservations"
    )
    evse_number = models.PositiveIntegerField(_("EVSE"), null=True, blank=True)
    connector_type = models.CharField(_("connector type"), max_length=20, blank=True)
    id_token = models.CharField(_("token"), max_length=36)
    id_token_type = models.CharField(_("token type"), max_length=20)
    group_id_token = models.CharField(_("group token"), max_length=36, blank=True)
    starts_at = models.DateTimeField(_("from"))
    expires_at = models.DateTimeField(_("until"))
    status = models.CharField(
        _("status"),
        max_length=10,
        choices=ReservationStatus.choices,
        default=ReservationStatus.REQUESTED,
    )
    session = models.ForeignKey(
        Session, null=True, blank=True, on_delete=models.SET_NULL, related_name="reservations"
    )
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)

    class Meta:
        verbose_name = _("reservation")
        verbose_name_plural = _("reservations")
        ordering = ["-starts_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(expires_at__gt=models.F("starts_at")),
                name="reservation_ends_after_start",
            ),
        ]
        indexes = [models.Index(fields=["station", "starts_at"], name="reservation_of_station")]

    def __str__(self) -> str:
        return f"{self.pk} {self.status}"
