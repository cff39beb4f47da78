"""Our own objects as partners see them, and what of a session came from a partner."""

from django.db import models
from django.db.models.functions import Upper
from django.utils.translation import gettext_lazy as _

from apps.chargers.models import ChargingStation, Session
from apps.ocpi.choices import ObjectKind
from apps.ocpi.models.partners import Partner, Party
from cariflex.common.exact_json import ExactDecoder, ExactEncoder


class Published(models.Model):
    """One object of ours, ready to be sent: written when the thing itself changes.

    `position` counts 1, 2, 3... without a gap within (kind, audience), in the order of creation:
    so a page at any offset is one step in an index, and the number of rows is the last position.
    Nothing is deleted; what is withdrawn says so in its content.
    """

    kind = models.CharField(_("kind"), max_length=9, choices=ObjectKind.choices)
    party = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="published")
    audience = models.ForeignKey(
        Partner, on_delete=models.CASCADE, null=True, blank=True, related_name="published"
    )
    """Who may see it; None: every partner. Sessions and CDRs are for one, the others for all."""
    object_id = models.CharField(_("id"), max_length=39)
    position = models.BigIntegerField(_("position"))
    content = models.TextField(_("JSON of 2.3.0"))
    content_2_2_1 = models.TextField(_("JSON of 2.2.1"))
    last_updated = models.DateTimeField(_("last updated"))
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("published object")
        verbose_name_plural = _("published objects")
        ordering = ["kind", "audience", "position"]
        constraints = [
            models.UniqueConstraint(
                "kind", "audience", "party", Upper("object_id"),
                name="ocpi_published_once", nulls_distinct=False,
            ),
            models.UniqueConstraint(
                fields=["kind", "audience", "position"], name="ocpi_published_position",
                nulls_distinct=False,
            ),
        ]  # fmt: skip
        indexes = [
            # With the position: a stretch of dates is counted and begun without its rows.
            models.Index(
                fields=["kind", "audience", "last_updated"], include=["position"],
                name="ocpi_published_dates",
            )
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.kind} {self.object_id}"


class PublishedCount(models.Model):
    """The last position given within (kind, audience); its row is the lock of the next one."""

    kind = models.CharField(max_length=9, choices=ObjectKind.choices)
    audience = models.ForeignKey(Partner, on_delete=models.CASCADE, null=True, related_name="+")
    last_position = models.BigIntegerField(default=0)

    class Meta:
        verbose_name = _("count of published objects")
        verbose_name_plural = _("counts of published objects")
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "audience"], name="ocpi_published_count_once", nulls_distinct=False
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.last_position}"


class StationDetails(models.Model):
    """What a location tells beyond what the charging station knows (2.2.1 §8.3.1)."""

    station = models.OneToOneField(
        ChargingStation, on_delete=models.CASCADE, related_name="ocpi_details"
    )
    is_published = models.BooleanField(_("published to partners"), default=True)
    address = models.CharField(_("street and number"), max_length=45, blank=True)
    postal_code = models.CharField(_("postal code"), max_length=10, blank=True)
    city = models.CharField(_("city"), max_length=45, blank=True)
    parking_type = models.CharField(_("parking"), max_length=30, blank=True)
    facilities = models.JSONField(_("facilities"), default=list, blank=True)
    opening_times = models.JSONField(
        _("opening hours"), default=dict, blank=True, help_text=_("OCPI Hours object")
    )
    images = models.JSONField(_("images"), default=list, blank=True)
    directions = models.JSONField(_("directions"), default=list, blank=True)
    help_phone = models.CharField(_("help line"), max_length=25, blank=True)
    owner_name = models.CharField(_("owner"), max_length=100, blank=True)
    suboperator_name = models.CharField(_("sub-operator"), max_length=100, blank=True)
    energy_mix = models.JSONField(_("energy mix"), default=dict, blank=True)

    class Meta:
        verbose_name = _("roaming details of a station")
        verbose_name_plural = _("roaming details of stations")
        ordering = ["station"]

    def __str__(self) -> str:
        return str(self.station)


class RoamingSession(models.Model):
    """What a partner's customer brought to a session at one of our stations."""

    session = models.OneToOneField(Session, on_delete=models.CASCADE, related_name="roaming")
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="roaming_sessions")
    token = models.JSONField(_("token"), encoder=ExactEncoder, decoder=ExactDecoder)
    """The CdrToken of 2.3.0: {country_code, party_id, uid, type, contract_id}."""
    auth_method = models.CharField(_("authorised by"), max_length=12)
    authorization_reference = models.CharField(_("reference"), max_length=36, blank=True)
    last_pushed_at = models.DateTimeField(_("last pushed"), null=True, blank=True)

    class Meta:
        verbose_name = _("roaming session")
        verbose_name_plural = _("roaming sessions")
        ordering = ["-session"]

    def __str__(self) -> str:
        return str(self.session)
