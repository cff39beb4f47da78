"""What must leave, written in the transaction that decided it."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.outbox.choices import MessageState


class OutboxMessage(models.Model):
    """One message for one destination; it stays until it is delivered or given up."""

    destination = models.CharField(_("destination"), max_length=60)
    kind = models.CharField(_("kind"), max_length=60)
    order_key = models.CharField(
        _("order key"),
        max_length=120,
        blank=True,
        help_text=_("Messages with the same key leave one after the other."),
    )
    dedupe_key = models.CharField(_("dedupe key"), max_length=160, null=True, blank=True)  # noqa: DJ001
    payload = models.JSONField(_("payload"))
    state = models.CharField(
        _("state"), max_length=10, choices=MessageState.choices, default=MessageState.WAITING
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    next_attempt_at = models.DateTimeField(_("next attempt at"))
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    locked_until = models.DateTimeField(_("locked until"), null=True, blank=True)
    lease = models.UUIDField(_("lease"), null=True, blank=True, editable=False)
    delivered_at = models.DateTimeField(_("delivered at"), null=True, blank=True)
    last_error = models.TextField(_("last error"), blank=True)

    class Meta:
        verbose_name = _("outgoing message")
        verbose_name_plural = _("outgoing messages")
        ordering = ("-id",)
        constraints = [
            models.UniqueConstraint(
                fields=("destination", "dedupe_key"), name="outbox_dedupe_key_unique"
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=MessageState.values), name="outbox_state_known"
            ),
        ]
        indexes = [
            models.Index(
                fields=("destination", "next_attempt_at"),
                condition=models.Q(state="waiting"),
                name="outbox_waiting",
            ),
            models.Index(
                fields=("destination", "order_key", "id"),
                condition=models.Q(state="waiting"),
                name="outbox_waiting_order",
            ),
            # The oldest that waits is found without a walk past all that was delivered.
            models.Index(
                fields=("destination", "id"),
                condition=models.Q(state="waiting"),
                name="outbox_waiting_oldest",
            ),
            models.Index(
                fields=("destination", "locked_until"),
                condition=models.Q(state="waiting", locked_until__isnull=False),
                name="outbox_on_their_way",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.destination} {self.kind} {self.pk}"
