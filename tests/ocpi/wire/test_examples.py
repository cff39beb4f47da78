"""Every example of the specification: read into its type, given back as it was.

The examples that break the specification's own rules are named here, with the field at fault:

- 2.2.1 and 2.3.0 `location_put_example_add_evse.json`: the connector has no `power_type`,
  `max_voltage`, `max_amperage` and `last_updated`, `physical_reference` is a number, and `floor` is
  not a field (it is `floor_level`). Refused.
- 2.2.1 and 2.3.0 `tariff_put_example.json`: no `last_updated`; in 2.3.0 no `tax_included` either.
  Refused.
- 2.3.0 `cdr_example.json`: its tariff has no `tax_included`. Refused.
- 2.1.1 `mod_cdrs__01.json`: a `price` is a text. Read, and given back as a number.
- 2.1.1 `mod_sessions__*`, `mod_cdrs__01.json`: `country` has two letters, latitude and longitude
  are the wrong way round. Both are texts of an allowed form, so they are read.
"""

from typing import Any

import pytest

from apps.ocpi import wire
from apps.ocpi.wire import Context, WireError
from cariflex.common.exact_json import exact_dumps, exact_loads
from tests.ocpi.wire.examples import VERSIONS, canonical, names, read

BEGINNINGS = {
    "cdr_example": "Cdr",
    "credentials": "Credentials",
    "location_energymix": "EnergyMix",
    "location_example": "Location",
    "location_hours": "Hours",
    "location_put_example_add_evse": "Evse",
    "location_regularhours": "Hours",
    "mod_cdrs": "Cdr",
    "mod_locations": "Location",
    "mod_sessions": "Session",
    "mod_tariffs": "Tariff",
    "mod_tokens": "Token",
    "session_example": "Session",
    "tariff": "Tariff",
    "token_example": "Token",
    "token_put": "Token",
    "type_displaytext": "DisplayText",
    "version_details": "VersionDetails",
    "version_information_endpoint__01": "Versions",
    "version_information_endpoint__02": "VersionDetails",
    "versions_info": "Versions",
}
ENVELOPES = {
    "transport_and_format__01": "Versions",
    "transport_and_format__02": "VersionDetails",
    "transport_and_format__03": "Token",
    "transport_and_format__04": "Tokens",
    "transport_and_format__05": "",
    "transport_and_format_get_token_example": "Token",
    "transport_and_format_get_token_list_example": "Tokens",
    "transport_and_format_version_details_example": "VersionDetails",
    "transport_and_format_version_info_example": "Versions",
}
PATCHES = {
    "location_patch_example_location": "Location",
    "location_patch_example_remove_evse": "Evse",
    "location_patch_example_status": "Evse",
    "location_patch_example_tariff": "Connector",
    "session_patch_example_charging_period": "Session",
    "session_patch_example_total_cost": "Session",
    "token_patch_example": "Token",
}
REFUSED = {
    ("2.2.1", "location_put_example_add_evse.json"): "connectors[0].power_type",
    ("2.2.1", "tariff_put_example.json"): "last_updated",
    ("2.3.0", "location_put_example_add_evse.json"): "connectors[0].power_type",
    ("2.3.0", "tariff_put_example.json"): "last_updated",
    ("2.3.0", "cdr_example.json"): "tariffs[0].tax_included",
}
MENDED = {("2.1.1", "mod_cdrs__01.json"): ('"2.00"', "2.00")}

ALL = [(version, name) for version in VERSIONS for name in names(version)]
OF_FRAGMENT = {"EnergyMix": "energy_mix", "Hours": "opening_times"}


def kind_of(name: str) -> str | None:
    """What a file holds; None for patches and envelopes."""
    found = [begin for begin in BEGINNINGS if name.startswith(begin)]
    return BEGINNINGS[max(found, key=len)] if found else None


OBJECTS = [
    (version, name) for version, name in ALL if kind_of(name) and (version, name) not in REFUSED
]


def object_text(version: str, name: str) -> str:
    """The object of a file: some stand below the name of a location's field."""
    text = read(version, name).decode()
    content = exact_loads(text)
    field = OF_FRAGMENT.get(kind_of(name) or "")
    if isinstance(content, dict) and field in content:
        return exact_dumps(content[field])
    return text


def test_every_file_is_looked_at() -> None:
    assert [len(names(version)) for version in VERSIONS] == [18, 59, 61]
    for version, name in ALL:
        stem = name.removesuffix(".json")
        assert bool(kind_of(name)) + (stem in ENVELOPES) + (stem in PATCHES) == 1, (version, name)


@pytest.mark.parametrize(("version", "name"), OBJECTS)
def test_an_object_comes_back_as_it_was(version: str, name: str) -> None:
    text = object_text(version, name)
    kind = kind_of(name)
    assert kind is not None

    back = wire.encode(wire.decode(version, kind, text))

    wanted = text.replace(*MENDED.get((version, name), ("", "")))
    assert canonical(back) == canonical(wanted)


@pytest.mark.parametrize(("version", "name"), sorted(REFUSED))
def test_a_faulty_example_is_refused_with_its_field(version: str, name: str) -> None:
    with pytest.raises(WireError) as refused:
        wire.decode(version, str(kind_of(name)), read(version, name))

    assert refused.value.field == REFUSED[version, name]
    assert refused.value.is_missing


def test_a_faulty_example_is_read_when_its_faults_are_mended() -> None:
    evse = exact_loads(read("2.2.1", "location_put_example_add_evse.json"))
    evse["connectors"][0] |= {
        "power_type": "AC_3_PHASE",
        "max_voltage": 230,
        "max_amperage": 16,
        "last_updated": evse["last_updated"],
    }
    with pytest.raises(WireError) as refused:
        wire.decode("2.2.1", "Evse", exact_dumps(evse))
    assert refused.value.field == "physical_reference"
    evse["physical_reference"] = "3"

    read_one = wire.decode("2.2.1", "Evse", exact_dumps(evse))

    assert (read_one.uid, read_one.floor_level) == ("3256", None), "`floor` is not a field"


@pytest.mark.parametrize(
    ("version", "name"), [(version, name) for version, name in OBJECTS if version != "2.1.1"]
)
def test_an_object_of_2_2_1_and_2_3_0_goes_inside_and_back(version: str, name: str) -> None:
    kind = str(kind_of(name))
    given = wire.decode(version, kind, object_text(version, name))

    inside = wire.to_inside(version, given)
    stored = [wire.inside_dict(one) for one in inside] if kind == "Versions" else None
    again = wire.inside_of(kind, stored or wire.inside_dict(inside))

    assert again == inside
    assert wire.from_inside(version, again) == given


@pytest.mark.parametrize("version", VERSIONS)
def test_envelopes_hold_their_objects(version: str) -> None:
    for name in names(version):
        stem = name.removesuffix(".json")
        if stem not in ENVELOPES:
            continue
        content = exact_loads(read(version, name))
        kind = ENVELOPES[stem]
        objects: list[Any] = content.get("data") if kind == "Tokens" else [content.get("data")]
        for one in objects if kind else []:
            struct = wire.convert(
                version, kind.removesuffix("s") if kind == "Tokens" else kind, one
            )
            payload = wire.encode(struct)
            assert canonical(payload) == canonical(exact_dumps(one))

        back = wire.envelope(
            exact_dumps(content["data"]).encode() if "data" in content else None,
            content["status_code"],
            content["status_message"],
            now=wire.date_time_read(content["timestamp"]),
        )
        assert canonical(back) == canonical(read(version, name))


PATCHES_WANTED: dict[str, dict[str, Any]] = {
    "location_patch_example_location": {
        "last_updated": "2019-06-24T12:39:09Z",
        "name": "Interparking Gent Zuid",
    },
    "location_patch_example_remove_evse": {
        "last_updated": "2019-06-24T12:39:09Z",
        "status": "REMOVED",
    },
    "location_patch_example_status": {
        "last_updated": "2019-06-24T12:39:09Z",
        "status": "CHARGING",
    },
    "location_patch_example_tariff": {
        "last_updated": "2019-06-24T12:39:09Z",
        "tariff_ids": ["15"],
    },
    "token_patch_example": {"last_updated": "2019-06-19T02:11:11Z", "valid": False},
}


@pytest.mark.parametrize("version", ["2.2.1", "2.3.0"])
@pytest.mark.parametrize("stem", sorted(PATCHES_WANTED))
def test_a_patch_says_what_changes_and_no_more(version: str, stem: str) -> None:
    given = wire.decode_patch(version, PATCHES[stem], read(version, f"{stem}.json"))

    assert given == PATCHES_WANTED[stem]


@pytest.mark.parametrize("version", ["2.2.1", "2.3.0"])
def test_a_patch_of_a_session_has_its_costs_in_the_shape_inside(version: str) -> None:
    name = "session_patch_example_total_cost.json"

    given = wire.decode_patch(version, "Session", read(version, name))

    cost = exact_loads(read(version, name))["total_cost"]
    assert sorted(given) == ["last_updated", "total_cost"]
    assert given["total_cost"]["before_taxes"] == cost.get("before_taxes", cost.get("excl_vat"))
    periods = wire.decode_patch(
        version, "Session", read(version, "session_patch_example_charging_period.json")
    )["charging_periods"]
    assert [len(period["dimensions"]) for period in periods] == [1]


def test_examples_of_2_1_1_go_inside_and_hold_the_rules_there() -> None:
    context = Context(owner=("NL", "TNM"), emsp=("DE", "8AC"), role="CPO")
    for name in names("2.1.1"):
        kind = kind_of(name)
        if kind is None or kind == "Versions":
            continue
        given = wire.decode("2.1.1", kind, read("2.1.1", name))

        inside = wire.to_inside("2.1.1", given, context=context)

        assert wire.inside_of(kind, wire.inside_dict(inside)) == inside
