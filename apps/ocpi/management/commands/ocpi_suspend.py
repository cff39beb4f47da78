"""`ocpi_suspend`: shut out a partner, or let it in again."""

from argparse import ArgumentParser
from typing import Any

from apps.ocpi.management.partner_command import PartnerCommand, partner_named, told
from apps.ocpi.services.partners import partner_resume, partner_suspend
from apps.ocpi.services.registration import partner_unregister


class Command(PartnerCommand):
    help = "Suspend a partner: it gets 401 and is sent nothing, until --resume."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--partner", required=True, help="its code or name")
        how = parser.add_mutually_exclusive_group()
        how.add_argument("--resume", action="store_true", help="let it in again")
        how.add_argument("--unregister", action="store_true", help="tell it that we leave for good")

    def work(self, options: dict[str, Any]) -> dict[str, Any]:
        partner = partner_named(options["partner"])
        if options["unregister"]:
            partner_unregister(partner=partner)
            partner.refresh_from_db()
        else:
            change = partner_resume if options["resume"] else partner_suspend
            partner = change(partner=partner)
        return told(partner)
