"""What the commands of partners share: one operator, errors in words, JSON when asked for."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.ocpi.models import Partner
from apps.tenants.context import operator_context
from cariflex.common.errors import DomainError, ExternalError


class PartnerCommand(BaseCommand):
    """`work` gives what is printed: a line for each, or one JSON object with --json."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--operator", required=True, help="schema name, such as guadeloupe")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            with operator_context(options["operator"]):
                words = self.work(options)
        except (DomainError, ExternalError) as err:
            raise CommandError(str(err)) from err
        if options["json"]:
            self.stdout.write(json.dumps(words, ensure_ascii=False))
            return
        for name, value in words.items():
            self.stdout.write(f"{name}: {value}")

    def work(self, options: dict[str, Any]) -> dict[str, Any]:
        """Do it in the operator's schema."""
        raise NotImplementedError


def partner_named(name: str) -> Partner:
    """The partner with a code or, when only one has it, a name; CommandError when there is none."""
    found = list(Partner.objects.filter(code=name)) or list(Partner.objects.filter(name=name)[:2])
    if len(found) != 1:
        known = ", ".join(Partner.objects.order_by("code").values_list("code", flat=True))
        raise CommandError(f"There is no partner {name!r}. Partners: {known or 'none'}.")
    return found[0]


def told(partner: Partner) -> dict[str, Any]:
    """What a command prints of a partner."""
    roles = partner.roles.order_by("role", "country_code", "party_id")
    return {
        "partner": partner.code,
        "name": partner.name,
        "state": partner.state,
        "version": partner.version,
        "roles": [str(role) for role in roles],
        "modules": sorted(f"{one.identifier} {one.role}" for one in partner.endpoints.all()),
    }
