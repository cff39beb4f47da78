"""The issuer of invoices, and the accounts that get them."""

from collections.abc import Iterable
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction

from apps.billing.choices import AccountKind, BillingLanguage, TaxTreatment
from apps.billing.minor_units import minor_units
from apps.billing.models import AccountToken, BillingAccount, Invoice, Issuer
from apps.billing.party_checks import party_clean
from apps.billing.selectors.accounts import ISSUER_ROW
from apps.chargers.models import IdToken, TokenGroup
from cariflex.common.errors import DomainError

_CHOICES = {"kind": AccountKind, "tax_treatment": TaxTreatment, "language": BillingLanguage}
_PARTNERS = (AccountKind.EMSP, AccountKind.CPO, AccountKind.HUB)
_NOT_WRITTEN = {"id", "pk", "created_at", "updated_at", "token_groups"}


@transaction.atomic
def issuer_save(**fields: Any) -> Issuer:
    """The operator as the seller, made or changed; what is not given stays.

    DomainError for a number whose check digits are wrong, or a field that there is not.
    """
    issuer = Issuer.objects.select_for_update().filter(pk=ISSUER_ROW).first() or Issuer(
        pk=ISSUER_ROW
    )
    _set(issuer, fields)
    _save(issuer, "billing.issuer_exists")
    return issuer


@transaction.atomic
def account_add(*, token_groups: Iterable[TokenGroup] = (), **fields: Any) -> BillingAccount:
    """A new account; DomainError `billing.account_exists` when code or OCPI party is taken."""
    account = BillingAccount()
    _set(account, fields)
    _account_check(account)
    _save(account, "billing.account_exists")
    account.token_groups.set(token_groups)
    return account


@transaction.atomic
def account_update(
    *, account_id: int, token_groups: Iterable[TokenGroup] | None = None, **fields: Any
) -> BillingAccount:
    """Change an account; issued invoices keep what stood in it. What is not given stays."""
    account = _locked(account_id)
    if "kind" in fields and fields["kind"] != account.kind and _is_billed(account):
        raise DomainError(
            "billing.account_kind_fixed", "An account with invoices keeps its kind.", field="kind"
        )
    _set(account, fields)
    _account_check(account)
    _save(account, "billing.account_exists")
    if token_groups is not None:
        account.token_groups.set(token_groups)
    return account


@transaction.atomic
def account_token_add(*, account_id: int, id_token: str) -> AccountToken:
    """From now on the account pays for a token of the operator's list; safe to repeat.

    DomainError when the token is not known, or another account pays for it.
    """
    account = _locked(account_id)
    token = IdToken.objects.filter(id_token__iexact=id_token.strip()).first()
    if token is None:
        raise DomainError(
            "billing.token_unknown", "There is no such token in the list.", field="id_token"
        )
    paid, _created = AccountToken.objects.get_or_create(
        id_token=token, defaults={"account": account}
    )
    if paid.account_id != account.pk:
        raise DomainError(
            "billing.token_taken", "Another account pays for this token.", field="id_token"
        )
    return paid


@transaction.atomic
def account_token_remove(*, account_id: int, account_token_id: int) -> None:
    """The account pays for the token no more; sessions that were priced stay its own."""
    removed, _each = AccountToken.objects.filter(
        pk=account_token_id, account_id=account_id
    ).delete()
    if not removed:
        raise DomainError("billing.token_unknown", "The account pays for no such token.")


def _locked(account_id: int) -> BillingAccount:
    account = BillingAccount.objects.select_for_update().filter(pk=account_id).first()
    if account is None:
        raise DomainError("billing.account_unknown", "There is no such account.")
    return account


def _set(row: models.Model, fields: dict[str, Any]) -> None:
    known = {field.name for field in row._meta.concrete_fields} - _NOT_WRITTEN
    unknown = sorted(set(fields) - known)
    if unknown:
        raise DomainError("billing.field_unknown", "There is no such field.", field=unknown[0])
    names = ("siren", "siret", "vat_number", "iban", "bic")
    # Numbers that contain each other are looked at together, also when one of them is not given.
    together = {name: getattr(row, name) for name in names} if set(names) & set(fields) else {}
    cleaned = party_clean({**together, **fields})
    for name, value in cleaned.items():
        enum = _CHOICES.get(name)
        if enum is not None and value not in enum.values:
            raise DomainError(f"billing.{name}_invalid", f"Not {value!r}.", field=name)
        setattr(row, name, value)
    for name in ("territory", "party_country_code", "party_id"):
        if name in cleaned:
            setattr(row, name, str(cleaned[name]).upper())


def _account_check(account: BillingAccount) -> None:
    for name in ("code", "name", "kind"):
        if not getattr(account, name):
            raise DomainError(f"billing.{name}_missing", "This is needed.", field=name)
    minor_units(account.currency)
    if account.kind in _PARTNERS and not (account.party_country_code and account.party_id):
        raise DomainError(
            "billing.party_missing",
            "A roaming partner has an OCPI country code and party id.",
            field="party_id",
        )
    if account.tax_treatment == TaxTreatment.REVERSE_CHARGE and not account.vat_number:
        raise DomainError(
            "billing.vat_number_missing",
            "Reverse charge needs the VAT number of the account.",
            field="vat_number",
        )
    if bool(account.sepa_mandate_id) != bool(account.sepa_mandate_signed_on):
        raise DomainError(
            "billing.mandate_incomplete",
            "A SEPA mandate has a reference and the day on which it was signed.",
            field="sepa_mandate_signed_on" if account.sepa_mandate_id else "sepa_mandate_id",
        )


def _save(row: models.Model, taken: str) -> None:
    try:
        with transaction.atomic():
            row.full_clean(validate_unique=False, validate_constraints=False)
            row.save()
    except IntegrityError as err:
        raise DomainError(taken, "There is such a one already.", field="code") from err
    except ValidationError as err:
        name, messages = next(iter(err.message_dict.items()))
        raise DomainError(f"billing.{name}_invalid", messages[0], field=name) from err


def _is_billed(account: BillingAccount) -> bool:
    return Invoice.objects.filter(account=account).exists()
