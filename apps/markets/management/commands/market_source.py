"""`market_source OPERATOR --area EIC --url URL`: sets where an operator's prices come from."""

import os
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.markets.services.sources import market_source_configure
from apps.tenants.context import OperatorMissing, operator_context
from cariflex.common.errors import DomainError


class Command(BaseCommand):
    help = "Set an operator's ENTSO-E access. The token is read from ENTSOE_TOKEN."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("operator")
        parser.add_argument("--area", required=True, help="EIC code of the market area")
        parser.add_argument("--url", default="https://web-api.tp.entsoe.eu/api")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with operator_context(options["operator"]):
                access = market_source_configure(
                    area=options["area"],
                    token=os.environ.get("ENTSOE_TOKEN", ""),
                    base_url=options["url"],
                )
        except (DomainError, OperatorMissing) as err:
            raise CommandError(str(err)) from err
        self.stdout.write(f"{access} from {access.base_url}")
