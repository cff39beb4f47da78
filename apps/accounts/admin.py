"""Users, roles and API tokens of one operator."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_variables
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from apps.accounts.models import ApiToken, User
from apps.accounts.services import token_create, token_revoke
from apps.accounts.services.tokens import LONGEST_LIFETIME
from apps.tenants.admin import platform_site
from cariflex.common.badges import Badges
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now

admin.site.unregister(Group)


@admin.register(User, site=admin.site)
@admin.register(User, site=platform_site)
class UserAdmin(DjangoUserAdmin, ModelAdmin):  # type: ignore[type-arg,misc]
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "email", "roles", "is_active", "last_login")

    def get_queryset(self, request):  # type: ignore[no-untyped-def]
        return super().get_queryset(request).prefetch_related("groups")

    @admin.display
    def roles(self, user: User) -> str:
        return ", ".join(group.name for group in user.groups.all())


@admin.register(Group, site=admin.site)
@admin.register(Group, site=platform_site)
class GroupAdmin(DjangoGroupAdmin, ModelAdmin):  # type: ignore[type-arg,misc]
    pass


REFUSALS = {
    "token.name_missing": _("Please give a name."),
    "token.lifetime": _("A token lives 1 to 366 days."),
    "token.user_inactive": _("This user is not active."),
    "token.above_creator": _("Only a superuser makes a superuser's token."),
}


class ApiTokenForm(forms.ModelForm):  # type: ignore[type-arg]
    """Asks the service for a token; the key is in `key` until the page is shown."""

    user = forms.ModelChoiceField(
        queryset=User.objects.filter(is_active=True).order_by("username"),
        label=_("user"),
        help_text=_("The token may do what this user may do."),
        widget=UnfoldAdminSelectWidget,
    )
    name = forms.CharField(
        label=_("name"),
        max_length=80,
        help_text=_("Where the token is kept: a gateway, a partner."),
        widget=UnfoldAdminTextInputWidget,
    )
    days = forms.IntegerField(
        label=_("valid for (days)"),
        min_value=1,
        max_value=LONGEST_LIFETIME.days,
        initial=90,
        widget=UnfoldAdminIntegerFieldWidget,
    )
    creator: Any = None
    key = ""

    class Meta:
        model = ApiToken
        fields = ("user", "name")

    def _post_clean(self) -> None:
        """In place of the model's own checks: the service knows them all."""
        if self.errors:
            return
        try:
            self.instance, self.key = token_create(
                user=self.cleaned_data["user"],
                name=self.cleaned_data["name"],
                lifetime=timedelta(days=self.cleaned_data["days"]),
                created_by=self.creator,
            )
        except DomainError as error:
            field = error.field if error.field in self.fields else None
            self.add_error(field, REFUSALS.get(error.code, error.message))

    def save(self, commit: bool = True) -> ApiToken:  # noqa: FBT001, FBT002 - Django's signature
        self.save_m2m = lambda: None
        self.instance.shown_once = self.key
        return self.instance


@admin.register(ApiToken)
class ApiTokenAdmin(ModelAdmin):  # type: ignore[misc]
    """Tokens to the API. A new one is shown once; deleting one revokes it."""

    list_display = (
        "name",
        "prefix",
        "user",
        "created",
        "state_label",
        "expiry",
        "last_used_at",
        "created_by",
    )
    list_filter = (("user", admin.RelatedOnlyFieldListFilter),)
    list_select_related = ("user", "created_by")
    search_fields = ("name", "token_key", "user__username")
    fields = (
        "name",
        "prefix",
        "user",
        "created",
        "expiry",
        "last_used_at",
        "created_by",
    )
    readonly_fields = fields
    shown_once_template = "admin/accounts/apitoken/shown_once.html"

    @display(description=_("begins with"))
    def prefix(self, token: ApiToken) -> str:
        return f"{token.token_key}…"

    @display(description=_("state"), label=Badges({"valid": "success", "expired": "danger"}))
    def state_label(self, token: ApiToken) -> tuple[str, Any]:
        is_expired = token.expiry is not None and token.expiry <= utc_now()
        return ("expired", _("Expired")) if is_expired else ("valid", _("Valid"))

    def get_form(
        self, request: HttpRequest, obj: ApiToken | None = None, change: bool = False, **kw: Any
    ) -> type[forms.ModelForm]:  # type: ignore[type-arg]
        if obj is None:
            return type("ApiTokenAddForm", (ApiTokenForm,), {"creator": request.user})
        return super().get_form(request, obj, change, **kw)  # type: ignore[no-any-return]

    def get_fields(self, request: HttpRequest, obj: ApiToken | None = None) -> Any:
        return ("user", "name", "days") if obj is None else self.fields

    def get_readonly_fields(self, request: HttpRequest, obj: ApiToken | None = None) -> Any:
        return () if obj is None else self.fields

    def save_model(self, request: HttpRequest, obj: object, form: object, change: object) -> None:
        """The form's service stored it already."""

    @sensitive_variables()
    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: Any = None) -> Any:
        """The only page that ever shows the key; nothing of it is kept in the session."""
        context = {
            **self.admin_site.each_context(request),
            "title": _("The new token"),
            "opts": self.opts,
            "token": obj,
            "key": obj.shown_once,
        }
        response: HttpResponse = TemplateResponse(request, self.shown_once_template, context)
        response["Cache-Control"] = "no-store"
        return response

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def delete_model(self, request: HttpRequest, obj: ApiToken) -> None:
        token_revoke(token=obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        for token in queryset:
            token_revoke(token=token)
