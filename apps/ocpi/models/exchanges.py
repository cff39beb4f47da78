"""What was said: every exchange, every question about a token, every command."""

import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.chargers.models import Command, Reservation, Session
from apps.ocpi.choices import AllowedType, AskOutcome, Direction, RemoteCommandKind
from apps.ocpi.models.partners import Partner
from cariflex.common.exact_json import ExactDecoder, ExactEncoder


class Exchange(models.Model):
    """One request and its answer, in either direction; tokens are never in it."""

    direction = models.CharField(_("direction"), max_length=3, choices=Direction.choices)
    partner = models.ForeignKey(
        Partner, on_delete=models.SET_NULL, null=True, blank=True, related_name="exchanges"
    )
    at = models.DateTimeField(_("at"))
    method = models.CharField(_("method"), max_length=7)
    path = models.CharField(_("address"), max_length=500)
    version = models.CharField(_("version"), max_length=5, blank=True)
    module = models.CharField(_("module"), max_length=36, blank=True)
    request_id = models.CharField(_("request id"), max_length=64, blank=True)
    correlation_id = models.CharField(_("correlation id"), max_length=64, blank=True)
    from_party = models.CharField(_("from"), max_length=6, blank=True)
    """Such as FR*ABC (the routing headers)."""
    to_party = models.CharField(_("to"), max_length=6, blank=True)
    http_status = models.PositiveSmallIntegerField(_("HTTP status"), null=True, blank=True)
    status_code = models.PositiveSmallIntegerField(_("OCPI status"), null=True, blank=True)
    latency_ms = models.FloatField(_("ms"), default=0)
    request_body = models.TextField(_("sent"), blank=True)
    response_body = models.TextField(_("answered"), blank=True)
    error = models.CharField(_("trouble"), max_length=300, blank=True)
    remote = models.CharField(_("address of the caller"), max_length=64, blank=True)
    is_check = models.BooleanField(
        _("part of a conformance check"), default=False, db_default=False
    )
    """Asked to see what the partner refuses: no figure of the partner's health counts it."""

    class Meta:
        verbose_name = _("exchange with a partner")
        verbose_name_plural = _("exchanges with partners")
        ordering = ["-at", "-pk"]
        indexes = [
            models.Index(fields=["-at", "-id"], name="ocpi_exchange_at"),
            models.Index(fields=["partner", "-at"], name="ocpi_exchange_partner"),
            models.Index(fields=["correlation_id"], name="ocpi_exchange_correlation"),
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class TokenAsk(models.Model):
    """A question about a token: asked by a partner's station of us, or of a partner by us."""

    direction = models.CharField(_("direction"), max_length=3, choices=Direction.choices)
    partner = models.ForeignKey(Partner, on_delete=models.CASCADE, related_name="token_asks")
    at = models.DateTimeField(_("at"))
    uid = models.CharField(_("token"), max_length=36)
    type = models.CharField(_("type"), max_length=12)
    location_id = models.CharField(_("location"), max_length=36, blank=True)
    evse_uid = models.CharField(_("EVSE"), max_length=36, blank=True)
    outcome = models.CharField(_("outcome"), max_length=10, choices=AskOutcome.choices)
    allowed = models.CharField(_("answer"), max_length=11, choices=AllowedType.choices, blank=True)
    authorization_reference = models.CharField(_("reference"), max_length=36, blank=True)
    latency_ms = models.FloatField(_("ms"), default=0)

    class Meta:
        verbose_name = _("authorization asked")
        verbose_name_plural = _("authorizations asked")
        ordering = ["-at", "-pk"]
        indexes = [
            models.Index(fields=["-at", "-id"], name="ocpi_token_ask_at"),
            models.Index(fields=["uid", "-at"], name="ocpi_token_ask_uid"),
        ]

    def __str__(self) -> str:
        return f"{self.uid} {self.allowed or self.outcome}"


class RemoteCommand(models.Model):
    """A command of a partner for our stations, or of ours for theirs.

    IN: `response_url` is theirs. OUT: theirs answers at ours, which carries `key`.
    """

    key = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    direction = models.CharField(_("direction"), max_length=3, choices=Direction.choices)
    partner = models.ForeignKey(Partner, on_delete=models.CASCADE, related_name="remote_commands")
    kind = models.CharField(_("command"), max_length=18, choices=RemoteCommandKind.choices)
    request = models.JSONField(_("request"), encoder=ExactEncoder, decoder=ExactDecoder)
    token_uid = models.CharField(_("token"), max_length=36, blank=True)
    location_id = models.CharField(_("location"), max_length=36, blank=True)
    evse_uid = models.CharField(_("EVSE"), max_length=36, blank=True)
    authorization_reference = models.CharField(_("reference"), max_length=36, blank=True)
    reservation_key = models.CharField(_("reservation"), max_length=36, blank=True)
    response_url = models.URLField(_("answers go to"), max_length=255, blank=True)
    response = models.CharField(_("first answer"), max_length=15, blank=True)
    timeout_s = models.PositiveIntegerField(_("seconds to wait"), null=True, blank=True)
    result = models.CharField(_("result"), max_length=25, blank=True)
    message = models.CharField(_("message"), max_length=512, blank=True)
    correlation_id = models.CharField(_("correlation id"), max_length=64, blank=True)
    asked_at = models.DateTimeField(_("asked at"))
    answered_at = models.DateTimeField(_("answered at"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    deadline_at = models.DateTimeField(_("result until"), null=True, blank=True)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    command = models.OneToOneField(
        Command, on_delete=models.SET_NULL, null=True, blank=True, related_name="ocpi_command"
    )
    reservation = models.ForeignKey(
        Reservation, on_delete=models.SET_NULL, null=True, blank=True, related_name="ocpi_commands"
    )
    session = models.ForeignKey(
        Session, on_delete=models.SET_NULL, null=True, blank=True, related_name="ocpi_commands"
    )

    class Meta:
        verbose_name = _("remote command")
        verbose_name_plural = _("remote commands")
        ordering = ["-asked_at", "-pk"]
        indexes = [
            models.Index(fields=["direction", "-asked_at"], name="ocpi_command_asked"),
            models.Index(fields=["token_uid", "-asked_at"], name="ocpi_command_token"),
            models.Index(
                fields=["deadline_at"],
                condition=models.Q(ended_at__isnull=True),
                name="ocpi_command_open",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.result or self.response}"


class RemoteProfile(models.Model):
    """A charging profile order of a partner for a session here, or of ours for one there."""

    key = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    direction = models.CharField(_("direction"), max_length=3, choices=Direction.choices)
    partner = models.ForeignKey(Partner, on_delete=models.CASCADE, related_name="remote_profiles")
    method = models.CharField(_("method"), max_length=6)
    """PUT sets, GET asks for the active one, DELETE clears (2.2.1 §14.2.2)."""
    session_id = models.CharField(_("session"), max_length=36)
    request = models.JSONField(
        _("request"), default=dict, encoder=ExactEncoder, decoder=ExactDecoder
    )
    response_url = models.URLField(_("answers go to"), max_length=255, blank=True)
    response = models.CharField(_("first answer"), max_length=15, blank=True)
    timeout_s = models.PositiveIntegerField(_("seconds to wait"), null=True, blank=True)
    result = models.CharField(_("result"), max_length=15, blank=True)
    profile = models.JSONField(
        _("active profile"), null=True, blank=True, encoder=ExactEncoder, decoder=ExactDecoder
    )
    asked_at = models.DateTimeField(_("asked at"))
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    deadline_at = models.DateTimeField(_("result until"), null=True, blank=True)
    command = models.ForeignKey(
        Command, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )

    class Meta:
        verbose_name = _("remote charging profile")
        verbose_name_plural = _("remote charging profiles")
        ordering = ["-asked_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.method} {self.session_id}"
