"""The demo's roaming partners are invited once, with the tokens that their simulation derives."""

from django.conf import LazySettings

from apps.console.services.demo_roaming import demo_roaming_seed
from apps.console.services.demo_seed import roaming_partners
from apps.ocpi.access import token_hash
from apps.ocpi.choices import PartnerState
from apps.ocpi.models import Partner, Party
from apps.simulation.island import roaming_invitation
from apps.tenants.models import Operator


def test_both_partners_are_invited_once(operator_a: Operator, settings: LazySettings) -> None:
    settings.DEMO_SECRET = "secret"

    demo_roaming_seed(roaming_partners("guadeloupe"))
    Partner.objects.filter(name="Karib Mobility").update(session_update_s=30)
    demo_roaming_seed(roaming_partners("guadeloupe"))

    provider, network = Partner.objects.order_by("pk")
    assert (provider.role, provider.state) == ("EMSP", PartnerState.INVITED)
    assert provider.pushed_kinds == ["locations", "tariffs", "sessions", "cdrs"]
    assert provider.session_update_s == 30
    assert (network.role, network.pushed_kinds) == ("CPO", ["tokens"])
    for partner, kind in ((provider, "emsp"), (network, "cpo")):
        token = roaming_invitation("secret", "guadeloupe", kind)
        assert partner.token_in_hash == token_hash(token)
        assert partner.account is not None
        assert partner.account.kind == kind
    assert sorted(Party.objects.values_list("role", flat=True)) == ["CPO", "EMSP"]
    assert roaming_invitation("secret", "martinique", "cpo") != token
