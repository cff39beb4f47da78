"""The form of an order: which stations, which action, and its fields out of the JSON schema."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q
from django.utils.translation import gettext as _

from apps.accounts.models import User
from apps.chargers.models import ChargingStation
from apps.chargers.ocpp import actions, validation
from apps.chargers.ocpp.versions import OcppVersion
from apps.chargers.services.commands import payload_check
from apps.console.refusals import refusal_words
from apps.console.viewmodels.commands import MAY_SEND_TO_MANY
from cariflex.common.errors import DomainError

STATIONS_SHOWN = 25
CHOSEN_MOST = 5000
# What an operator sends on an ordinary day, under the names of 2.x and of 1.6.
OFTEN = (
    "Reset", "UnlockConnector", "ChangeAvailability", "TriggerMessage", "RequestStartTransaction",
    "RequestStopTransaction", "RemoteStartTransaction", "RemoteStopTransaction", "GetVariables",
    "SetVariables", "GetConfiguration", "ChangeConfiguration", "ClearCache", "GetLog",
)  # fmt: skip
# After these a station does not serve cars for a while, or not any more.
DISRUPTIVE = frozenset({"Reset", "ChangeAvailability", "UpdateFirmware", "SetNetworkProfile"})
_DEEPEST = 12
# The validator names the object that lacks a field, and the field in its sentence.
_MISSING = re.compile(r'"(\w+)" is a required property')
_KEPT = ("enum", "minimum", "maximum", "maxLength", "minItems", "maxItems", "format", "description")


@dataclass(frozen=True, slots=True)
class StationChoice:
    """A station that can be chosen."""

    station_id: str
    name: str
    version: str
    is_online: bool


@dataclass(frozen=True, slots=True)
class StationChoices:
    """A page of stations to choose from."""

    stations: tuple[StationChoice, ...]
    total_count: int
    search: str
    after: str
    """The last station of the page when others follow."""

    @property
    def more_query(self) -> str:
        """The query of the stations that follow."""
        return urlencode({"q": self.search, "after": self.after})


@dataclass(frozen=True, slots=True)
class OrderForm:
    """An order as somebody fills it in."""

    choices: StationChoices
    chosen: tuple[StationChoice, ...]
    is_for_all: bool
    version: str
    versions: tuple[str, ...]
    action: str
    often: tuple[str, ...]
    others: tuple[str, ...]
    payload_text: str
    reason: str
    may_send_to_many: bool
    disruptive: tuple[str, ...]
    error: str = ""
    error_field: str = ""


@dataclass(frozen=True, slots=True)
class Draft:
    """What came with the address or the form."""

    station_ids: tuple[str, ...] = ()
    is_for_all: bool = False
    version: str = ""
    action: str = ""
    payload_text: str = "{}"
    reason: str = ""


def order_form(draft: Draft, *, user: User, refusal: DomainError | None = None) -> OrderForm:
    """The form with what was filled in; three queries."""
    chosen = tuple(
        _choice(station)
        for station in ChargingStation.objects.filter(station_id__in=draft.station_ids).order_by(
            "station_id"
        )
    )
    version = OcppVersion(draft.version or _common_version(chosen))
    known = actions.to_stations(version)
    often = tuple(name for name in OFTEN if name in known)
    return OrderForm(
        choices=station_choices(search="", after=""),
        chosen=chosen,
        is_for_all=draft.is_for_all,
        version=version.value,
        versions=tuple(one.value for one in OcppVersion),
        action=draft.action if draft.action in known else often[0],
        often=often,
        others=tuple(sorted(known - set(often))),
        payload_text=draft.payload_text,
        reason=draft.reason,
        may_send_to_many=user.has_perm(MAY_SEND_TO_MANY),
        disruptive=tuple(sorted(DISRUPTIVE)),
        error="" if refusal is None else refusal_words(refusal),
        error_field=(refusal.field or "") if refusal else "",
    )


def station_choices(*, search: str, after: str) -> StationChoices:
    """Stations by their id; `search` looks in id, name and commune. Two queries."""
    stations = ChargingStation.objects.order_by("station_id")
    if search:
        stations = stations.filter(
            Q(station_id__icontains=search)
            | Q(name__icontains=search)
            | Q(commune__icontains=search)
        )
    total = stations.count()
    if after:
        stations = stations.filter(station_id__gt=after)
    rows = list(stations[: STATIONS_SHOWN + 1])
    return StationChoices(
        stations=tuple(_choice(station) for station in rows[:STATIONS_SHOWN]),
        total_count=total,
        search=search,
        after=rows[STATIONS_SHOWN - 1].station_id if len(rows) > STATIONS_SHOWN else "",
    )


def actions_of(version: OcppVersion) -> dict[str, list[str]]:
    """The actions of a version: those sent often, and all others."""
    known = actions.to_stations(version)
    often = [name for name in OFTEN if name in known]
    return {"often": often, "others": sorted(known - set(often))}


def action_form(*, version: OcppVersion, action: str) -> dict[str, Any] | None:
    """The request of an action as a tree of fields, None for what stations are not sent.

    `number` names the field that is filled in when it is left out.
    """
    if action not in actions.to_stations(version):
        return None
    document = validation.schema(version, action, is_request=True)
    return {
        "version": version.value,
        "action": action,
        "number": actions.number_field(version, action),
        "tree": _node(document, document.get("definitions", {}), 0),
    }


def payload_of(text: str) -> dict[str, Any]:
    """The request out of its JSON text. DomainError `command.payload_invalid`."""
    try:
        payload = json.loads(text or "{}", parse_constant=_no_number)
    except (ValueError, RecursionError) as err:
        raise DomainError(
            "command.payload_invalid", _("This is not JSON: %(why)s") % {"why": err},
            field="payload",
        ) from err  # fmt: skip
    if not isinstance(payload, dict):
        raise DomainError(
            "command.payload_invalid", _("A request is a JSON object."), field="payload"
        )
    return payload


def payload_errors(*, version: OcppVersion, action: str, text: str) -> list[dict[str, str]]:
    """What is wrong with a request, by the path of its field; empty when it may be sent."""
    try:
        payload_check(version=version, action=action, payload=payload_of(text))
    except DomainError as refusal:
        field = (refusal.field or "payload").removeprefix("payload").lstrip(".")
        missing = _MISSING.match(refusal.message)
        if missing is None:
            return [{"field": field, "message": refusal_words(refusal)}]
        path = f"{field}.{missing[1]}".lstrip(".")
        return [{"field": path, "message": _("This field is needed.")}]
    return []


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON")


def _node(schema: Mapping[str, Any], definitions: Mapping[str, Any], depth: int) -> dict[str, Any]:
    """A schema without references, customData and what no form needs."""
    about = schema.get("description", "")
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        schema = definitions.get(name, {})
    kind = schema.get("type", "any")
    node: dict[str, Any] = {"type": kind} | {one: schema[one] for one in _KEPT if one in schema}
    node["description"] = " ".join(str(about or schema.get("description", "")).split())
    if depth > _DEEPEST:
        return {"type": "any", "description": node["description"]}
    if kind == "object":
        fields: Mapping[str, Any] = schema.get("properties", {})
        node["required"] = list(schema.get("required", ()))
        node["fields"] = {
            name: _node(inner, definitions, depth + 1)
            for name, inner in fields.items()
            if name != "customData"
        }
    elif kind == "array":
        node["items"] = _node(schema.get("items", {}), definitions, depth + 1)
    return node


def _choice(station: ChargingStation) -> StationChoice:
    return StationChoice(
        station_id=station.station_id,
        name=station.name,
        version=station.ocpp_version,
        is_online=station.is_online,
    )


def _common_version(stations: Sequence[StationChoice]) -> str:
    """The version of the chosen stations when they agree, else the one that most speak."""
    spoken = {station.version for station in stations}
    only = spoken.pop() if len(spoken) == 1 else ""
    return only or OcppVersion.V201.value
