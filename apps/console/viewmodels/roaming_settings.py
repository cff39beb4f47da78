"""The settings of a partner as a form: what was typed, and in words what is wrong with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import msgspec
from django.db.models import Q
from django.http import QueryDict
from django.utils.formats import get_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from apps.billing.models import BillingAccount
from apps.ocpi.choices import DeliveryPolicy, ObjectKind, SessionUpdates
from apps.ocpi.models import Partner
from apps.ocpi.services.partner_settings import (
    NAME_MAX_LENGTH,
    NOTE_MAX_LENGTH,
    RANGES,
    PartnerSettings,
    SettingProblem,
    settings_of,
)

MAY_CHANGE = "ocpi.change_partner"
ACCOUNTS_MAX = 500
TEXT_MAX_LENGTH = 20_000
NUMBER_MAX_LENGTH = 24
_WHOLE = ("session_update_s", "page_limit", "pull_limit")
_FRACTIONS = ("timeout_s", "authorize_timeout_s")
_SWITCHES = ("needs_routing_headers", "accepts_unencoded_token", "sends_unencoded_token")
# Made here, before there are threads: see `wire.codec.decoder_make`.
_SETTINGS = msgspec.json.Decoder(PartnerSettings)
_NO_NUMBER = float("nan")
"""What is no number is in no range."""


@dataclass(frozen=True, slots=True)
class SettingsForm:
    """What somebody typed. `line_numbers`: the line of each required field, from 1."""

    texts: Mapping[str, str]
    wanted: PartnerSettings
    seen: PartnerSettings | None
    """As the form was given out; None when it came back without it."""
    line_numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class NumberField:
    """A number of the form: what stands in it, and between which ends it lies."""

    name: str
    label: str
    text: str
    least: str
    most: str
    errors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SettingsPage:
    """The form. `texts` and `settings` say what stands in it, `errors` what is wrong, by field."""

    partner: Partner
    settings: PartnerSettings
    texts: Mapping[str, str]
    errors: Mapping[str, tuple[str, ...]]
    seen: str
    numbers: tuple[NumberField, ...]
    kinds: tuple[tuple[str, str | Promise, bool], ...]
    deliveries: tuple[tuple[str, str | Promise], ...]
    updates: tuple[tuple[str, str | Promise], ...]
    accounts: tuple[tuple[int, str], ...]
    name_max_length: int = NAME_MAX_LENGTH
    note_max_length: int = NOTE_MAX_LENGTH

    @property
    def kind_words(self) -> str:
        """The kinds that a required field can be of."""
        return ", ".join(ObjectKind.values)


def settings_form(posted: QueryDict) -> SettingsForm:
    """What came with the form, as far as it can be read."""
    texts = {
        field.name: posted.get(field.name, "").replace("\x00", "")[:TEXT_MAX_LENGTH]
        for field in fields(PartnerSettings)
    }
    pairs, line_numbers = _pairs(texts["required_fields"])
    values: dict[str, Any] = {
        "name": texts["name"].strip(),
        "account_id": _key(texts["account_id"]),
        "pushed_kinds": tuple(posted.getlist("pushed_kinds")[: len(ObjectKind)]),
        "delivery": texts["delivery"],
        "session_updates": texts["session_updates"],
        "required_fields": pairs,
        "note": texts["note"].replace("\r\n", "\n").strip(),
        **{name: _whole(texts[name]) for name in _WHOLE},
        **{name: _fraction(texts[name]) for name in _FRACTIONS},
        **{name: posted.get(name) == "on" for name in _SWITCHES},
    }
    return SettingsForm(texts, PartnerSettings(**values), _seen(posted), line_numbers)


def settings_page(
    *,
    partner: Partner,
    form: SettingsForm | None = None,
    problems: Sequence[SettingProblem] = (),
) -> SettingsPage:
    """The form with the settings as they are, and over them what somebody typed. One query."""
    now = settings_of(partner)
    settings, texts = now, _texts(now)
    if form is not None and form.seen is not None:
        mine = [
            field.name
            for field in fields(now)
            if getattr(form.wanted, field.name) != getattr(form.seen, field.name)
        ]
        settings = replace(now, **{name: getattr(form.wanted, name) for name in mine})
        texts |= {name: form.texts[name] for name in mine}
    errors = _errors(problems, form, now)
    return SettingsPage(
        partner=partner,
        settings=settings,
        texts=texts,
        errors=errors,
        seen=msgspec.json.encode(now).decode(),
        numbers=_numbers(texts, errors),
        kinds=tuple(
            (kind.value, kind.label, kind.value in settings.pushed_kinds) for kind in ObjectKind
        ),
        deliveries=tuple(DeliveryPolicy.choices),
        updates=tuple(SessionUpdates.choices),
        accounts=_accounts(now.account_id, settings.account_id),
    )


def _texts(settings: PartnerSettings) -> dict[str, str]:
    """The settings that are typed, as texts."""
    lines = [f"{kind}: {name}" for kind, name in settings.required_fields]
    return {
        "name": settings.name,
        "note": settings.note,
        "required_fields": "\n".join(lines),
        **{name: str(getattr(settings, name)) for name in _WHOLE},
        **{name: _local(getattr(settings, name)) for name in _FRACTIONS},
    }


def _numbers(
    texts: Mapping[str, str], errors: Mapping[str, tuple[str, ...]]
) -> tuple[NumberField, ...]:
    labels = {
        "session_update_s": _("Seconds between session updates"),
        "page_limit": _("Objects on a page that we give"),
        "pull_limit": _("Objects on a page that we ask for"),
        "timeout_s": _("Seconds to wait for an answer"),
        "authorize_timeout_s": _("Seconds to wait for an authorization"),
    }
    return tuple(
        NumberField(
            name, label, texts[name], *(_local(end) for end in RANGES[name]), errors.get(name, ())
        )
        for name, label in labels.items()
    )


def _accounts(*chosen: int | None) -> tuple[tuple[int, str], ...]:
    """Active accounts by name, and those that are chosen whatever they are."""
    keys = [key for key in chosen if key is not None]
    rows = BillingAccount.objects.filter(Q(is_active=True) | Q(pk__in=keys)).order_by("name", "pk")
    return tuple((key, name) for key, name in rows.values_list("pk", "name")[:ACCOUNTS_MAX])


def _errors(
    problems: Sequence[SettingProblem], form: SettingsForm | None, now: PartnerSettings
) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for problem in problems:
        words = _words(problem, form, now)
        found[problem.field] = (*found.get(problem.field, ()), words)
    return found


def _words(problem: SettingProblem, form: SettingsForm | None, now: PartnerSettings) -> str:
    if problem.rule == "range":
        ends = {"least": _local(problem.least), "most": _local(problem.most)}
        return _("A number from %(least)s to %(most)s.") % ends
    if problem.rule == "changed":
        told = {"now": _texts(now).get(problem.field) or "–"}
        if problem.field not in ("name", "note", *RANGES):
            return _("Somebody else has changed this meanwhile. Saving again puts yours.")
        return _("Somebody else has changed this to %(now)s. Saving again puts yours.") % told
    if problem.row is not None and form is not None:
        return _row_words(problem, form)
    if problem.rule == "too_many":
        return _("At most %(most)s lines.") % {"most": _local(problem.most)}
    if problem.rule == "too_long":
        return _("At most %(most)s characters.") % {"most": _local(problem.most)}
    if problem.rule == "missing":
        return _("Give the partner a name.")
    return _("There is no such choice.")


def _row_words(problem: SettingProblem, form: SettingsForm) -> str:
    row = problem.row or 0
    kind, name = form.wanted.required_fields[row]
    told = {"line": form.line_numbers[row], "kind": kind, "name": name,
            "kinds": ", ".join(ObjectKind.values)}  # fmt: skip
    if not name:
        return _("Line %(line)s: write a kind, a colon and a field.") % told
    if problem.rule == "kind_unknown":
        return _("Line %(line)s: there is no kind “%(kind)s”. There are %(kinds)s.") % told
    return _("Line %(line)s: %(kind)s have no field “%(name)s” in this version of OCPI.") % told


def _pairs(text: str) -> tuple[tuple[tuple[str, str], ...], tuple[int, ...]]:
    """The required fields and the line of each; a line that names none has an empty name."""
    pairs, numbers = [], []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        kind, _colon, name = line.partition(":")
        pairs.append((kind.strip().lower(), name.strip()))
        numbers.append(number)
    return tuple(pairs), tuple(numbers)


def _local(number: float | None) -> str:
    """A number as people write it here: no more digits than it has, the local decimal sign."""
    plain = "" if number is None else f"{number:.10g}"
    return plain.replace(".", get_format("DECIMAL_SEPARATOR"))


def _key(text: str) -> int | None:
    """An account's key; 0, which nobody has, for what is no key."""
    if not text:
        return None
    return int(text) if text.isdecimal() and len(text) < 19 else 0


def _whole(text: str) -> int:
    plain = text.strip()
    # 0 is in no range of these.
    return int(plain) if plain.isdecimal() and len(plain) < NUMBER_MAX_LENGTH else 0


def _fraction(text: str) -> float:
    plain = text.strip().replace(",", ".")
    try:
        return float(plain) if len(plain) < NUMBER_MAX_LENGTH else _NO_NUMBER
    except ValueError:
        return _NO_NUMBER


def _seen(posted: QueryDict) -> PartnerSettings | None:
    try:
        return _SETTINGS.decode(posted.get("seen", ""))
    except msgspec.MsgspecError:
        return None
