"""Numbers of companies and banks, checked by their own check digits and put into one form.

SIREN and SIRET: Luhn (INSEE). VAT numbers: each member state's own rule. IBAN: ISO 13616.
BIC: ISO 9362. SEPA creditor id: EPC262-08, ISO 7064 mod 97-10.
"""

from typing import Any
from zoneinfo import available_timezones

from schwifty import BIC, IBAN
from schwifty.exceptions import SchwiftyException
from stdnum.eu import vat as eu_vat
from stdnum.exceptions import ValidationError
from stdnum.fr import siren as fr_siren
from stdnum.fr import siret as fr_siret
from stdnum.iso7064 import mod_97_10

from apps.billing.rating.currencies import CURRENCIES
from cariflex.common.errors import DomainError

FRANCE = frozenset({"FR", "GP", "MQ", "GF", "RE", "YT", "MF", "BL", "PM"})
"""ISO 3166-1 codes of France and of those territories whose companies have a SIREN."""
_SHORTEST_CREDITOR_ID = 8


def party_clean(fields: dict[str, Any]) -> dict[str, Any]:
    """The given fields of a party in their stored form; DomainError names the first wrong one.

    Only what is given is looked at; an empty text is always right.
    """
    cleaned = {
        name: value.strip() if isinstance(value, str) else value for name, value in fields.items()
    }
    for name, check in _CHECKS.items():
        if cleaned.get(name):
            cleaned[name] = check(str(cleaned[name]))
    _agree(cleaned)
    return cleaned


def siren_clean(text: str) -> str:
    """Nine digits; DomainError when the check digit is wrong."""
    try:
        return str(fr_siren.validate(text))
    except ValidationError as err:
        raise _wrong("siren", "This is no SIREN: nine digits with a check digit.") from err


def siret_clean(text: str) -> str:
    """Fourteen digits; DomainError when the check digit is wrong."""
    try:
        return str(fr_siret.validate(text))
    except ValidationError as err:
        raise _wrong("siret", "This is no SIRET: fourteen digits with a check digit.") from err


def vat_number_clean(text: str) -> str:
    """A VAT number with its country's letters; those of member states are checked.

    A number of another country keeps its form: nothing is known of its check digits.
    """
    number = "".join(text.split()).upper().replace("-", "").replace(".", "")
    if number[:2].lower() in eu_vat.MEMBER_STATES or number[:2] == "EL":
        try:
            return str(eu_vat.validate(number))
        except ValidationError as err:
            raise _wrong("vat_number", "This is no VAT number of that country.") from err
    if not number.isalnum():
        raise _wrong("vat_number", "A VAT number has letters and digits only.")
    return number


def iban_clean(text: str) -> str:
    """An IBAN without blanks; DomainError when its country, length or check digits are wrong."""
    try:
        return str(IBAN(text).compact)
    except SchwiftyException as err:
        raise _wrong("iban", "This is no IBAN.") from err


def bic_clean(text: str) -> str:
    """A BIC of 8 or 11 characters."""
    try:
        return str(BIC(text).compact)
    except SchwiftyException as err:
        raise _wrong("bic", "This is no BIC.") from err


def creditor_id_clean(text: str) -> str:
    """A SEPA creditor identifier: country, check digits, three characters of the creditor's own."""
    number = "".join(text.split()).upper()
    if len(number) >= _SHORTEST_CREDITOR_ID and number.isalnum() and number[:2].isalpha():
        # Characters 5 to 7 are the creditor's own and not in the check.
        try:
            mod_97_10.validate(number[7:] + number[:4])
        except ValidationError:
            pass
        else:
            return number
    raise _wrong("sepa_creditor_id", "This is no SEPA creditor identifier.")


def _country(text: str) -> str:
    if len(text) != 2 or not text.isascii() or not text.isalpha():
        raise _wrong("country_code", "An ISO 3166-1 alpha-2 code, such as FR.")
    return text.upper()


def _currency(text: str) -> str:
    if text.upper() not in CURRENCIES:
        raise _wrong("currency", "An ISO 4217 code, such as EUR.")
    return text.upper()


def _zone(text: str) -> str:
    if text not in available_timezones():
        raise _wrong("time_zone", "This is no IANA time zone.")
    return text


def _agree(party: dict[str, Any]) -> None:
    """Numbers that contain each other contain the same."""
    siren, siret = party.get("siren"), party.get("siret")
    vat_number = party.get("vat_number") or ""
    if siren and siret and not siret.startswith(siren):
        raise _wrong("siret", "The SIRET does not begin with the SIREN.")
    company = siren or (siret or "")[:9]
    if company and vat_number.startswith("FR") and not vat_number.endswith(company):
        raise _wrong("vat_number", "The VAT number does not end with the SIREN.")
    iban, bic = party.get("iban") or "", party.get("bic") or ""
    # Banks of the French territories have FR in the IBAN, and some a code of their own in the BIC.
    if iban and bic and bic[4:6] != iban[:2] and not ({bic[4:6], iban[:2]} <= FRANCE):
        raise _wrong("bic", "IBAN and BIC are of different countries.")


def _wrong(field: str, message: str) -> DomainError:
    return DomainError(f"billing.{field}_invalid", message, field=field)


_CHECKS = {
    "country_code": _country,
    "siren": siren_clean,
    "siret": siret_clean,
    "vat_number": vat_number_clean,
    "iban": iban_clean,
    "bic": bic_clean,
    "sepa_creditor_id": creditor_id_clean,
    "currency": _currency,
    "time_zone": _zone,
}
