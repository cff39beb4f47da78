"""`ocpi_invite`: a new roaming partner, and the token with which it registers."""

from argparse import ArgumentParser
from typing import Any

from apps.ocpi.choices import PartyRole
from apps.ocpi.management.partner_command import PartnerCommand, partner_named
from apps.ocpi.selectors.partners import own_root_url
from apps.ocpi.services.partners import partner_invite, partner_invite_again


class Command(PartnerCommand):
    help = "Invite a partner: prints the token (once) and the address with which it registers."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--role", choices=PartyRole.values, help="what the partner is")
        parser.add_argument("--name", required=True, help="the partner's name")
        parser.add_argument(
            "--accept-unencoded", action="store_true", help="it may present its token as it is"
        )
        parser.add_argument(
            "--send-unencoded", action="store_true", help="we present ours as it is"
        )
        parser.add_argument(
            "--again", action="store_true", help="a new token for a partner that exists"
        )

    def work(self, options: dict[str, Any]) -> dict[str, Any]:
        versions_url = f"{own_root_url()}/versions"
        if options["again"]:
            invitation = partner_invite_again(partner=partner_named(options["name"]))
        else:
            invitation = partner_invite(
                name=options["name"],
                role=options["role"] or PartyRole.EMSP,
                accepts_unencoded_token=options["accept_unencoded"],
                sends_unencoded_token=options["send_unencoded"],
            )
        return {"token": invitation.token, "versions_url": versions_url}
