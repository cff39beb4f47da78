"""Whatever a partner sends: an object that holds the rules, or a WireError."""

from collections.abc import Callable
from copy import deepcopy
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.ocpi import wire
from apps.ocpi.wire import Context, WireError
from apps.ocpi.wire.kinds import KINDS
from apps.ocpi.wire.patches import PATCHED
from cariflex.common.exact_json import exact_dumps, exact_loads
from tests.ocpi.wire.examples import read
from tests.ocpi.wire.strategies import HERE

SEEDS = [
    ("2.2.1", "Location", "location_example.json"),
    ("2.2.1", "Session", "session_example_2_short_finished.json"),
    ("2.2.1", "Cdr", "cdr_example.json"),
    ("2.2.1", "Tariff", "tariff_16_reservation_2_euro_fee_5_euro_per_hour.json"),
    ("2.2.1", "Token", "token_example_2_full_rfid.json"),
    ("2.2.1", "Credentials", "credentials_example3.json"),
    ("2.3.0", "Location", "location_example.json"),
    ("2.3.0", "Tariff", "tariff_20_simple_north_american_inclusive.json"),
    ("2.3.0", "Session", "session_example_2_short_finished.json"),
    ("2.1.1", "Location", "mod_locations__06.json"),
    ("2.1.1", "Session", "mod_sessions__03.json"),
    ("2.1.1", "Cdr", "mod_cdrs__01.json"),
    ("2.1.1", "Tariff", "mod_tariffs__06.json"),
    ("2.1.1", "Token", "mod_tokens__03.json"),
]
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
    | st.sampled_from(
        [
            "",
            "x" * 300,
            "\u0000",
            "2026-11-23T16:35:00Z",
            "0001-01-01T00:00:00Z",
            "9999-12-31T23:59:59.999Z",
            "0000-00-00T00:00:00Z",
            "#NA",
            "NaN",
            " - at `$.x`",
            10**30,
            -(2**63),
            Decimal("1e-20"),
            Decimal("-0"),
            Decimal("-100"),
        ]
    )
)
ANYTHING = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "uid", "type", "é", ""]), inner, max_size=3)
    ),
    max_leaves=5,
)
MANY = settings(HERE, max_examples=60)
CONTEXTS = (Context(), Context(owner=("FR", "CRF"), emsp=("NL", "TNM"), role="EMSP"))


def tried(call: Callable[..., Any], *args: Any, **more: Any) -> tuple[Any, WireError | None]:
    """What the call gave, or what it refused; anything else that it raises is a fault."""
    try:
        return call(*args, **more), None
    except WireError as refused:
        return None, refused


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) within a value."""
    found: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        keys: list[Any] = list(value)
    else:
        keys = list(range(len(value))) if isinstance(value, list) else []
    for key in keys:
        found.append((value, key))
        found += places(value[key])
    return found


@pytest.mark.parametrize(("version", "kind", "name"), SEEDS)
@MANY
@given(st.data())
def test_an_example_with_anything_in_it(
    version: str, kind: str, name: str, data: st.DataObject
) -> None:
    content = deepcopy(exact_loads(read(version, name)))
    for _change in range(data.draw(st.integers(1, 2))):
        container, key = data.draw(st.sampled_from(places(content)))
        if data.draw(st.integers(0, 4)) == 0:
            del container[key]
            break
        container[key] = data.draw(ANYTHING)
    text = exact_dumps(content)

    if kind in PATCHED:
        tried(wire.decode_patch, version, kind, text)
    struct, refused = tried(wire.decode, version, kind, text)
    if refused:
        assert refused.rule
        assert not refused.is_malformed
        return
    assert wire.decode(version, kind, wire.encode(struct)) == struct
    assert wire.convert(version, kind, exact_loads(text)) == struct
    for context in CONTEXTS:
        for other in KINDS:
            inside, refused = tried(wire.to_inside, version, struct, context=context)
            if refused is None:
                outside, refused = tried(wire.from_inside, other, inside, context=context)
                wire.encode(outside)


@pytest.mark.parametrize("version", sorted(KINDS))
@MANY
@given(st.data())
def test_any_value_for_any_kind(version: str, data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(sorted(KINDS[version])))
    text = exact_dumps(data.draw(ANYTHING))

    _struct, refused = tried(wire.decode, version, kind, text)

    assert refused is None or not refused.is_malformed


@MANY
@given(st.binary(max_size=60))
def test_any_bytes(raw: bytes) -> None:
    for version in KINDS:
        _struct, refused = tried(wire.decode, version, "Token", raw)
        assert refused is not None


@MANY
@given(st.data())
def test_an_example_with_any_byte_in_it(data: st.DataObject) -> None:
    version, kind, name = data.draw(st.sampled_from(SEEDS))
    raw = bytearray(read(version, name))
    for _change in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))

    tried(wire.decode, version, kind, bytes(raw[: data.draw(st.integers(0, len(raw)))]))
