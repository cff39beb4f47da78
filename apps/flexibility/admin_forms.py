"""Forms of the admin whose services write, so that refusals are errors of the form."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db import transaction

from apps.flexibility.models import GridRequest, SitePolicy
from apps.flexibility.refusal_words import refusal_words
from apps.flexibility.services.grid_requests import grid_request_add
from apps.flexibility.services.policies import policy_set
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now


class ServiceForm(forms.ModelForm):  # type: ignore[type-arg]
    """A form whose service writes the row."""

    def write(self, given: dict[str, Any]) -> Any:
        """Call the service."""
        raise NotImplementedError

    def _post_clean(self) -> None:
        if self.errors:
            return
        try:
            with transaction.atomic():
                self.instance = self.write(dict(self.cleaned_data))
        except DomainError as err:
            self.add_error(err.field if err.field in self.fields else None, refusal_words(err))

    def save(self, commit: bool = True) -> Any:  # noqa: FBT001, FBT002 - Django's signature
        return self.instance

    def save_m2m(self) -> None:
        """The service has written everything."""


class SitePolicyForm(ServiceForm):
    class Meta:
        model = SitePolicy
        fields = "__all__"

    def write(self, given: dict[str, Any]) -> SitePolicy:
        site = given.pop("site", None)
        site_id = self.instance.site_id if site is None else site.pk
        return policy_set(site_id=site_id, now=utc_now(), **given)


class GridRequestForm(ServiceForm):
    entered_by = ""
    """Whose form it is; the admin says so."""

    class Meta:
        model = GridRequest
        fields = ("site", "kind", "limit_kw", "start", "end", "reference")

    def write(self, given: dict[str, Any]) -> GridRequest:
        site = given.pop("site")
        return grid_request_add(site_id=site.pk, now=utc_now(), created_by=self.entered_by, **given)
