"""Who polls what, in the back office."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import display

from apps.assets.choices import DeviceStage
from apps.assets.models import PollShard, PollWorker
from apps.assets.services.workers import LIVING
from cariflex.common.badges import Badges
from cariflex.common.time import utc_now


class ShownOnly(ModelAdmin):
    """Kept by the pollers themselves: nobody adds, changes or deletes here."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(PollShard)
class PollShardAdmin(ShownOnly):
    list_display = ("key", "lease_label", "device_count", "worker", "taken_at", "lease_until")

    def get_queryset(self, request: HttpRequest) -> QuerySet[PollShard]:
        in_service = Q(devices__stage=DeviceStage.IN_SERVICE)
        shards: QuerySet[PollShard] = super().get_queryset(request)
        return shards.annotate(devices_polled=Count("devices", filter=in_service))

    @display(description=_("lease"), label=Badges({"held": "success", "free": "warning"}))
    def lease_label(self, shard: PollShard) -> tuple[str, Any]:
        is_held = shard.lease_until is not None and shard.lease_until > utc_now()
        return ("held", _("Polled")) if is_held else ("free", _("Nobody polls it"))

    @display(description=_("devices"), ordering="devices_polled")
    def device_count(self, shard: PollShard) -> int:
        return int(shard.devices_polled)  # type: ignore[attr-defined]


@admin.register(PollWorker)
class PollWorkerAdmin(ShownOnly):
    list_display = ("name", "life_label", "seen_at")

    @display(description=_("state"), label=Badges({"lives": "success", "gone": "warning"}))
    def life_label(self, worker: PollWorker) -> tuple[str, Any]:
        lives = worker.seen_at > utc_now() - LIVING
        return ("lives", _("Polls")) if lives else ("gone", _("Silent"))
