"""How a partner wants to be spoken to, changed by people: checked, and merged where two change it.

Somebody saves what they typed together with what they saw. What they left as it was stays as it
is now; what somebody else has changed meanwhile as well is refused, and named.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from django.db import transaction

from apps.billing.models import BillingAccount
from apps.ocpi.choices import DeliveryPolicy, ObjectKind, SessionUpdates
from apps.ocpi.models import Partner
from apps.ocpi.selectors.required_fields import field_known
from cariflex.common.errors import DomainError

logger = logging.getLogger(__name__)

NAME_MAX_LENGTH = 100
NOTE_MAX_LENGTH = 5_000
REQUIRED_MAX = 100
RANGES: dict[str, tuple[float, float]] = {
    "session_update_s": (1, 86_400),
    "page_limit": (1, 1_000),
    "pull_limit": (1, 1_000),
    "timeout_s": (0.5, 60),
    "authorize_timeout_s": (0.2, 10),
}
"""Both ends are allowed; those that the model has are the model's."""
_CHOICES: dict[str, Sequence[str]] = {
    "delivery": DeliveryPolicy.values,
    "session_updates": SessionUpdates.values,
}


@dataclass(frozen=True, slots=True)
class PartnerSettings:
    """What of a partner people choose. `required_fields`: (kind, dotted name), as in 2.2.1."""

    name: str
    account_id: int | None
    pushed_kinds: tuple[str, ...]
    delivery: str
    session_updates: str
    session_update_s: int
    page_limit: int
    pull_limit: int
    timeout_s: float
    authorize_timeout_s: float
    needs_routing_headers: bool
    accepts_unencoded_token: bool
    sends_unencoded_token: bool
    required_fields: tuple[tuple[str, str], ...]
    note: str


@dataclass(frozen=True, slots=True)
class SettingProblem:
    """A field and the rule that it breaks.

    `rule`: missing, too_long, range, unknown, changed, kind_unknown, field_unknown, too_many.
    `least` and `most`: what is allowed. `row`: which of the required fields, from 0.
    """

    field: str
    rule: str
    least: float | None = None
    most: float | None = None
    row: int | None = None


class SettingsRefused(DomainError):
    """Nothing was changed; `problems` say why, at least one."""

    def __init__(self, problems: Sequence[SettingProblem]) -> None:
        first = problems[0]
        super().__init__("ocpi.partner_settings", first.rule, field=first.field)
        self.problems = tuple(problems)


def settings_of(partner: Partner) -> PartnerSettings:
    """The settings of a partner as they are."""
    plain = {
        field.name: getattr(partner, field.name)
        for field in fields(PartnerSettings)
        if field.name not in ("pushed_kinds", "required_fields")
    }
    return PartnerSettings(
        **plain,
        pushed_kinds=tuple(kind.value for kind in ObjectKind if kind in partner.pushed_kinds),
        required_fields=tuple(
            (kind, name)
            for kind, names in sorted(partner.required_fields.items())
            for name in names
        ),
    )


def settings_problems(wanted: PartnerSettings, *, version: str) -> list[SettingProblem]:
    """The rules that settings break; `version`: the partner's, empty before it is registered."""
    problems = []
    if not wanted.name:
        problems.append(SettingProblem("name", "missing"))
    for name, longest in (("name", NAME_MAX_LENGTH), ("note", NOTE_MAX_LENGTH)):
        if len(getattr(wanted, name)) > longest:
            problems.append(SettingProblem(name, "too_long", most=longest))
    for name, choices in _CHOICES.items():
        if getattr(wanted, name) not in choices:
            problems.append(SettingProblem(name, "unknown"))
    if not set(wanted.pushed_kinds) <= set(ObjectKind.values):
        problems.append(SettingProblem("pushed_kinds", "unknown"))
    for name, (least, most) in RANGES.items():
        # Neither holds for what is no number.
        if not least <= getattr(wanted, name) <= most:
            problems.append(SettingProblem(name, "range", least=least, most=most))
    return problems + _required_problems(wanted.required_fields, version)


@transaction.atomic
def partner_settings_save(
    *, partner: Partner, wanted: PartnerSettings, seen: PartnerSettings
) -> Partner:
    """Change what differs between what somebody saw and what they want; the partner as it now is.

    SettingsRefused with every problem, and for what somebody else changed otherwise since it was
    seen; nothing is changed then.
    """
    locked = Partner.objects.select_for_update().get(pk=partner.pk)
    now = settings_of(locked)
    mine = [one.name for one in fields(wanted) if _differs(one.name, wanted, seen)]
    merged = replace(now, **{name: getattr(wanted, name) for name in mine})
    broken = settings_problems(merged, version=locked.version)
    problems = [one for one in broken if one.field in mine]
    if "account_id" in mine and not _is_account(merged.account_id):
        problems.append(SettingProblem("account_id", "unknown"))
    problems += [
        SettingProblem(name, "changed")
        for name in mine
        if _differs(name, now, seen) and _differs(name, now, wanted)
    ]
    if problems:
        raise SettingsRefused(problems)
    changed = [name for name in mine if _differs(name, merged, now)]
    for name in changed:
        setattr(locked, name, _stored(name, merged))
    if changed:
        locked.save(update_fields=changed)
        logger.info("partner settings changed partner=%s fields=%s", locked.code, changed)
    return locked


def required_fields_of(pairs: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    """The required fields by kind, each once, in the order given."""
    found: dict[str, list[str]] = {}
    for kind, name in dict.fromkeys(pairs):
        found.setdefault(kind, []).append(name)
    return found


def _required_problems(pairs: Sequence[tuple[str, str]], version: str) -> list[SettingProblem]:
    if len(pairs) > REQUIRED_MAX:
        return [SettingProblem("required_fields", "too_many", most=REQUIRED_MAX)]
    problems = []
    for row, (kind, name) in enumerate(pairs):
        if kind not in ObjectKind.values:
            problems.append(SettingProblem("required_fields", "kind_unknown", row=row))
        elif not field_known(kind, name, version):
            problems.append(SettingProblem("required_fields", "field_unknown", row=row))
    return problems


def _is_account(account_id: int | None) -> bool:
    return account_id is None or BillingAccount.objects.filter(pk=account_id).exists()


def _differs(name: str, one: PartnerSettings, other: PartnerSettings) -> bool:
    if name in ("pushed_kinds", "required_fields"):
        # Their order says nothing.
        return set(getattr(one, name)) != set(getattr(other, name))
    return bool(getattr(one, name) != getattr(other, name))


def _stored(name: str, settings: PartnerSettings) -> Any:
    if name == "pushed_kinds":
        return list(settings.pushed_kinds)
    if name == "required_fields":
        return required_fields_of(settings.required_fields)
    return getattr(settings, name)
