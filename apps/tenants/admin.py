"""The platform's own admin: operators and their hosts, in the public schema only."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import display
from unfold.sites import UnfoldAdminSite

from apps.tenants.choices import OperatorStatus
from apps.tenants.directory import forget_operators
from apps.tenants.models import Domain, Operator
from apps.tenants.schema import PUBLIC
from apps.tenants.services import operator_create
from cariflex.common.badges import Badges

platform_site = UnfoldAdminSite(name="admin")
"""Served on the platform's host only: an operator's admin knows no other operators."""


class DomainInline(TabularInline):
    model = Domain
    extra = 0


@admin.register(Operator, site=platform_site)
class OperatorAdmin(ModelAdmin):
    list_display = ("name", "schema_name", "time_zone", "status_label", "created_at")
    search_fields = ("name", "schema_name", "domains__domain")
    list_filter = ("status",)
    inlines = (DomainInline,)

    @display(
        description=_("status"),
        label=Badges({OperatorStatus.ACTIVE: "success", OperatorStatus.SUSPENDED: "danger"}),
    )
    def status_label(self, operator: Operator) -> tuple[str, str]:
        return operator.status, operator.get_status_display()

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Operator]":
        # The platform's own row is no operator.
        return super().get_queryset(request).exclude(schema_name=PUBLIC)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("schema_name", "created_at") if obj else ("created_at",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # An operator's data outlive a click: suspend instead.
        return False

    def save_model(
        self, request: HttpRequest, obj: Operator, form: "ModelForm[Any]", change: bool
    ) -> None:
        if change:
            super().save_model(request, obj, form, change)
            forget_operators()
            return
        created = operator_create(
            schema_name=obj.schema_name,
            name=obj.name,
            domains=(),
            time_zone=obj.time_zone,
            country_code=obj.country_code,
            party_id=obj.party_id,
            currency=obj.currency,
        )
        obj.pk = created.pk
        messages.info(request, _("The schema was created. Add a domain to open it."))

    def save_related(self, *args: Any, **kwargs: Any) -> None:
        super().save_related(*args, **kwargs)
        forget_operators()
