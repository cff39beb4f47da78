"""Who polls which devices just now."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class PollShard(models.Model):
    """A group of gateways that one worker polls while it holds the lease.

    The lease is taken by one conditional UPDATE and given up or renewed by its holder only; the
    database's clock decides, so that workers on several machines need no common time.
    """

    key = models.CharField(_("key"), max_length=40, unique=True)
    holder = models.UUIDField(_("holder"), null=True, blank=True)
    lease_until = models.DateTimeField(_("lease until"), null=True, blank=True)
    taken_at = models.DateTimeField(_("taken at"), null=True, blank=True)
    worker = models.CharField(_("worker"), max_length=120, blank=True)

    class Meta:
        verbose_name = _("poll shard")
        verbose_name_plural = _("poll shards")
        ordering = ("key",)

    def __str__(self) -> str:
        return self.key


class PollWorker(models.Model):
    """A process that polls; known by its name while it keeps saying that it lives."""

    name = models.CharField(_("worker"), max_length=120, unique=True)
    seen_at = models.DateTimeField(_("seen"))

    class Meta:
        verbose_name = _("poll worker")
        verbose_name_plural = _("poll workers")
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name
