"""Who sells, who pays, and whose a token is."""

from django.db.models import QuerySet

from apps.billing.models import AccountToken, BillingAccount, Issuer
from apps.chargers.models import IdToken
from cariflex.common.api.pages import Page, page_of

ISSUER_ROW = 1


def issuer_get() -> Issuer | None:
    """The operator as the seller; None until somebody has entered it."""
    return Issuer.objects.filter(pk=ISSUER_ROW).first()


def books_time_zone() -> str:
    """The zone in which months begin and end."""
    issuer = issuer_get()
    return issuer.time_zone if issuer is not None else Issuer().time_zone


def account_rows() -> QuerySet[BillingAccount]:
    """Accounts in the order in which they were made."""
    return BillingAccount.objects.order_by("pk")


def accounts_page(
    *,
    after: int | None,
    limit: int,
    kind: str | None = None,
    is_active: bool | None = None,
    search: str | None = None,
) -> Page[BillingAccount]:
    """Accounts by id; `search` looks in code and name. One query."""
    accounts = account_rows()
    if kind is not None:
        accounts = accounts.filter(kind=kind)
    if is_active is not None:
        accounts = accounts.filter(is_active=is_active)
    if search:
        accounts = accounts.filter(code__icontains=search) | accounts.filter(name__icontains=search)
    if after is not None:
        accounts = accounts.filter(pk__gt=after)
    return page_of(list(accounts[: limit + 1]), limit, lambda account: account.pk)


def account_tokens_page(*, account_id: int, after: int | None, limit: int) -> Page[AccountToken]:
    """The tokens that an account pays for, by id. One query."""
    tokens = AccountToken.objects.select_related("id_token__group").filter(account_id=account_id)
    if after is not None:
        tokens = tokens.filter(pk__gt=after)
    return page_of(list(tokens.order_by("pk")[: limit + 1]), limit, lambda token: token.pk)


def account_of_token(id_token: str) -> BillingAccount | None:
    """Who pays for a token: its own account, else the account of its group; None: nobody does.

    A group of several accounts belongs to the oldest active one. Two queries at most.
    """
    token = (
        IdToken.objects.select_related("billing_account_token__account")
        .filter(id_token__iexact=id_token)
        .first()
    )
    if token is None:
        return None
    own = getattr(token, "billing_account_token", None)
    if own is not None and own.account.is_active:
        account: BillingAccount = own.account
        return account
    if token.group_id is None:
        return None
    return (
        BillingAccount.objects.filter(token_groups=token.group_id, is_active=True)
        .order_by("pk")
        .first()
    )


def account_of_party(country_code: str, party_id: str, kind: str) -> BillingAccount | None:
    """The account of a roaming partner."""
    return BillingAccount.objects.filter(
        party_country_code=country_code.upper(), party_id=party_id.upper(), kind=kind
    ).first()
