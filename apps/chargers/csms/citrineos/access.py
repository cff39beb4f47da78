"""How one operator's CitrineOS server is reached, out of its account and the settings."""

import hmac
from urllib.parse import urlsplit

from django.conf import settings
from django.urls import reverse

from apps.chargers.csms.citrineos.client import CitrineApi, CitrineTables, http_client
from apps.chargers.csms.citrineos.tap import Tap, broker_check
from apps.chargers.models import CitrineAccount
from apps.tenants.context import current_schema
from cariflex.common.http import HttpClient


def active_account() -> CitrineAccount | None:
    """The current operator's CitrineOS server, if it has one."""
    return CitrineAccount.objects.filter(is_active=True).first()


def api_of(account: CitrineAccount) -> CitrineApi:
    """The message API of a server."""
    return CitrineApi(
        base_url=account.rest_url,
        tenant_id=account.tenant_id,
        token=account.rest_token,
        http=_http(account.rest_url),
    )


def tables_of(account: CitrineAccount) -> CitrineTables | None:
    """The tables of a server; None when the account has no GraphQL."""
    if not account.graphql_url:
        return None
    return CitrineTables(
        url=account.graphql_url,
        tenant_id=account.tenant_id,
        secret=account.graphql_secret,
        http=_http(account.graphql_url),
    )


def tap_of(account: CitrineAccount) -> Tap:
    """An open tap on a server's exchange; the operator has a queue of its own there."""
    broker_check(
        account.amqp_url,
        allow_loopback=settings.OUTGOING_LOOPBACK_ALLOWED,
        own_network=is_own(account.amqp_url),
    )
    return Tap(
        url=account.amqp_url,
        exchange=account.exchange,
        queue=f"cariflex.{current_schema()}.{account.tenant_id}",
        tenant_id=account.tenant_id,
    )


def is_own(url: str) -> bool:
    """True for a host that the deployment itself names as its own: it may be a private address."""
    return (urlsplit(url).hostname or "") in settings.CITRINEOS_OWN_HOSTS


def answer_url(account: CitrineAccount, correlation_id: str) -> str:
    """Where CitrineOS posts the station's answer to one order."""
    path = reverse("citrineos-answer", args=[correlation_id, answer_token(account, correlation_id)])
    return account.callback_url.rstrip("/") + path


def answer_token(account: CitrineAccount, correlation_id: str) -> str:
    """What only CitrineOS knows of one order: CitrineOS signs nothing itself."""
    secret = account.callback_secret.encode()
    return hmac.new(secret, correlation_id.encode(), "sha256").hexdigest()


def _http(url: str) -> HttpClient:
    return http_client(allow_loopback=settings.OUTGOING_LOOPBACK_ALLOWED, own_network=is_own(url))
