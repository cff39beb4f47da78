"""`ocpi_register`: register with a partner, by the address and the token that it gave."""

from argparse import ArgumentParser
from typing import Any
from urllib.parse import urlsplit

from apps.ocpi.choices import OcpiVersion, PartyRole
from apps.ocpi.management.partner_command import PartnerCommand, told
from apps.ocpi.selectors.partners import own_root_url
from apps.ocpi.services.partners import partner_create
from apps.ocpi.services.registration import partner_register
from cariflex.common.time import utc_now


class Command(PartnerCommand):
    help = "Register with a partner that invited us. Cut off in the middle, it can be run again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--versions-url", required=True, help="the partner's versions URL")
        parser.add_argument("--token", required=True, help="the token that it gave us")
        parser.add_argument("--name", help="the partner's name; else its host")
        parser.add_argument(
            "--role", choices=PartyRole.values, default=PartyRole.CPO, help="what the partner is"
        )
        parser.add_argument(
            "--ocpi-version", choices=OcpiVersion.values, default="", help="else the highest"
        )
        parser.add_argument(
            "--send-unencoded", action="store_true", help="present the token as it is"
        )

    def work(self, options: dict[str, Any]) -> dict[str, Any]:
        url = options["versions_url"].strip()
        partner = partner_create(
            name=options["name"] or urlsplit(url).hostname or url[:100],
            role=options["role"],
            versions_url=url,
            unencoded=options["send_unencoded"],
        )
        partner = partner_register(
            partner=partner,
            token=options["token"].strip(),
            root_url=own_root_url(),
            version=options["ocpi_version"],
            now=utc_now(),
        )
        return told(partner)
