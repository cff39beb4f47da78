"""`ocpi_rotate`: new tokens on both sides of a connection."""

from argparse import ArgumentParser
from typing import Any

from apps.ocpi.management.partner_command import PartnerCommand, partner_named, told
from apps.ocpi.selectors.partners import own_root_url
from apps.ocpi.services.registration import partner_rotate
from cariflex.common.time import utc_now


class Command(PartnerCommand):
    help = "Change the tokens of a partner, and read its versions and endpoints anew."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--partner", required=True, help="its code or name")

    def work(self, options: dict[str, Any]) -> dict[str, Any]:
        partner = partner_named(options["partner"])
        return told(partner_rotate(partner=partner, root_url=own_root_url(), now=utc_now()))
