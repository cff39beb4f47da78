"""What partners told us of theirs. Their CDRs are `billing.PartnerCdr`."""

from django.db import models
from django.db.models.functions import Upper
from django.utils.translation import gettext_lazy as _

from apps.ocpi.choices import ObjectKind, PullMode, PullState, WhitelistType
from apps.ocpi.models.partners import Partner, PartyCopyBase


def _once(name: str) -> models.UniqueConstraint:
    return models.UniqueConstraint(
        "partner", Upper("country_code"), Upper("party_id"), Upper("object_id"), name=name
    )


class PartnerLocation(PartyCopyBase):
    """A location of a partner with its EVSEs and connectors."""

    is_withdrawn = models.BooleanField(_("no longer published"), default=False)

    class Meta:
        verbose_name = _("partner's location")
        verbose_name_plural = _("partners' locations")
        ordering = ["partner", "object_id"]
        constraints = [_once("ocpi_location_copy_once")]


class PartnerTariff(PartyCopyBase):
    """A tariff of a partner."""

    class Meta:
        verbose_name = _("partner's tariff")
        verbose_name_plural = _("partners' tariffs")
        ordering = ["partner", "object_id"]
        constraints = [_once("ocpi_tariff_copy_once")]


class PartnerSession(PartyCopyBase):
    """A session of one of our customers at a partner's charger."""

    status = models.CharField(_("status"), max_length=11)
    started_at = models.DateTimeField(_("started at"))

    class Meta:
        verbose_name = _("partner's session")
        verbose_name_plural = _("partners' sessions")
        ordering = ["-started_at", "-pk"]
        constraints = [_once("ocpi_session_copy_once")]
        indexes = [models.Index(fields=["-started_at", "-id"], name="ocpi_session_copy_started")]


class PartnerToken(PartyCopyBase):
    """A token of a partner's customer; `object_id` is its uid. Millions of them."""

    type = models.CharField(_("type"), max_length=12)
    contract_id = models.CharField(_("contract"), max_length=36)
    group_id = models.CharField(_("group"), max_length=36, blank=True)
    is_valid = models.BooleanField(_("valid"), default=True)
    whitelist = models.CharField(_("whitelist"), max_length=15, choices=WhitelistType.choices)

    class Meta:
        verbose_name = _("partner's token")
        verbose_name_plural = _("partners' tokens")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                "partner",
                Upper("country_code"),
                Upper("party_id"),
                Upper("object_id"),
                "type",
                name="ocpi_token_copy_once",
            ),  # fmt: skip
        ]
        indexes = [
            models.Index(Upper("object_id"), name="ocpi_token_uid"),
            models.Index(Upper("contract_id"), name="ocpi_token_contract"),
        ]


class Pull(models.Model):
    """One walk through a partner's list; goes on where it was cut off."""

    partner = models.ForeignKey(Partner, on_delete=models.CASCADE, related_name="pulls")
    kind = models.CharField(_("what"), max_length=9, choices=ObjectKind.choices)
    mode = models.CharField(_("how much"), max_length=5, choices=PullMode.choices)
    state = models.CharField(
        _("state"), max_length=7, choices=PullState.choices, default=PullState.RUNNING
    )
    date_from = models.DateTimeField(_("changed from"), null=True, blank=True)
    next_url = models.TextField(_("next page"), blank=True)
    seen = models.PositiveIntegerField(_("objects seen"), default=0)
    stored = models.PositiveIntegerField(_("objects stored"), default=0)
    refused = models.PositiveIntegerField(_("objects refused"), default=0)
    announced = models.PositiveIntegerField(_("objects announced"), null=True, blank=True)
    pages = models.PositiveIntegerField(_("pages"), default=0)
    note = models.CharField(_("note"), max_length=300, blank=True)
    started_at = models.DateTimeField(_("started at"))
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    locked_until = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("pull")
        verbose_name_plural = _("pulls")
        ordering = ["-started_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["partner", "kind"],
                condition=models.Q(state="running"),
                name="ocpi_pull_one_at_a_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.mode}"
