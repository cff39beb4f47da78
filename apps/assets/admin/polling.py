"""Who polls what, in the back office."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import display

from apps.assets.models import PollShard
from cariflex.common.time import utc_now


@admin.register(PollShard)
class PollShardAdmin(ModelAdmin):
    list_display = ("key", "lease_label", "worker", "taken_at", "lease_until")

    @display(description=_("lease"), label={"held": "success", "free": "warning"})
    def lease_label(self, shard: PollShard) -> tuple[str, Any]:
        is_held = shard.lease_until is not None and shard.lease_until > utc_now()
        return ("held", _("Polled")) if is_held else ("free", _("Nobody polls it"))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False
