"""Any object of a version, made from the types of its fields."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from apps.ocpi.objects import fields, words
from apps.ocpi.objects.fields import DateTime, Int, Number, NumberOrText

HERE = settings(
    max_examples=10,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
"""Without shrinking, which takes minutes for objects of this size."""
EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
ASCII = st.characters(min_codepoint=32, max_codepoint=126)
PRINTABLE = st.characters(min_codepoint=32, max_codepoint=0x2FFF, exclude_categories=["Cc", "Cs"])
# Words that all versions know, so that nothing is lost for want of a word.
WORDS: dict[str, list[str]] = {
    "capabilities": sorted(words.CAPABILITIES_2_1_1),
    "facilities": sorted(words.FACILITIES_2_1_1),
    "parking_restrictions": sorted(words.RESTRICTIONS_2_2_1),
    "parking_type": sorted(words.PARKING_TYPES_2_1_1),
    "Image.category": ["CHARGER", "OPERATOR"],
    "EnvironmentalImpact.category": ["NUCLEAR_WASTE", "CARBON_DIOXIDE"],
    "EnvironmentalImpact.source": ["NUCLEAR_WASTE", "CARBON_DIOXIDE"],
    "EnergySource.source": ["SOLAR", "WIND"],
    "standard": ["IEC_62196_T2", "CHADEMO", "NEW_ONE"],
}
SHAPES = {
    fields.Url.__metadata__[0].pattern: st.from_regex(r"\Ahttps://[a-z]{1,9}\.org/[a-z]{0,9}\Z"),
}


@cache
def of(kind: Any, name: str = "", open_words: bool = False) -> st.SearchStrategy[Any]:
    """Any value of a type; `open_words`: any word where a list is open."""
    if get_origin(kind) is Annotated:
        return _annotated(kind, name, open_words)
    if get_origin(kind) in (Union, UnionType):
        options = [one for one in get_args(kind) if one is not NoneType]
        return st.none() | st.one_of([of(one, name, open_words) for one in options])
    if get_origin(kind) is Literal:
        return st.sampled_from(get_args(kind))
    if get_origin(kind) is list:
        return st.lists(of(get_args(kind)[0], name, open_words), max_size=2)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        values = {
            field.name: of(field.type, f"{kind.__name__}.{field.name}", open_words)
            for field in msgspec.structs.fields(kind)
        }
        return st.builds(kind, **values).map(_fitting)
    return {
        bool: st.booleans(),
        DateTime: st.integers(0, 10**12).map(lambda ms: EPOCH + timedelta(milliseconds=ms)),
        Number: st.decimals(Decimal(-(10**6)), Decimal(10**6), places=4),
        NumberOrText: st.decimals(Decimal(0), Decimal(1000), places=4),
        Int: st.integers(0, 10**6),
        str: st.text(PRINTABLE, max_size=20),
    }[kind]


def _fitting(struct: Any) -> Any:
    """A CDR names what it takes back when it is a credit."""
    if "credit" in struct.__struct_fields__:
        struct.credit = True if struct.credit_reference_id else None
        struct.id = struct.id if struct.credit else struct.id[:36]
    return struct


def _annotated(kind: Any, name: str, open_words: bool) -> st.SearchStrategy[Any]:
    inner, meta = kind.__origin__, kind.__metadata__[0]
    if get_origin(inner) is list:
        item = of(get_args(inner)[0], name, open_words)
        return st.lists(item, min_size=meta.min_length or 0, max_size=2)
    known = WORDS.get(name) or WORDS.get(name.partition(".")[2])
    if kind == fields.Term and known and not open_words:
        return st.sampled_from(known)
    pattern = meta.pattern
    if pattern in SHAPES:
        return SHAPES[pattern]
    if pattern in (fields.Id36.__metadata__[0].pattern, fields.Str2.__metadata__[0].pattern) or (
        pattern == fields.Prose512.__metadata__[0].pattern
    ):
        signs = ASCII if pattern == fields.Id36.__metadata__[0].pattern else PRINTABLE
        return st.text(
            signs, min_size=meta.min_length or 0, max_size=min(meta.max_length or 20, 60)
        )
    longest = meta.max_length or 1000
    return st.from_regex(re.compile(pattern)).filter(lambda text: len(text) <= longest)
