import json
from pathlib import Path

import pytest
import sunspec2
from sunspec2.device import get_model_def

from apps.simulation.devices.sunspec_image import ReadOnlyError, SunspecImage, model_layout

PUBLISHED_LENGTH = {1: 66, 103: 50, 123: 24, 701: 153, 702: 50, 704: 65, 713: 7}


@pytest.mark.parametrize(("model_id", "length"), PUBLISHED_LENGTH.items())
def test_layout_has_the_published_length(model_id: int, length: int) -> None:
    assert model_layout(model_id).length - 2 == length
    assert get_model_def(model_id)["id"] == model_id


def test_image_starts_with_the_marker_and_ends_with_the_end_model() -> None:
    image = SunspecImage((1, 713), writable=set())

    assert bytes.fromhex("53756e53") == b"".join(
        register.to_bytes(2, "big") for register in image.registers[:2]
    )
    assert image.registers[-2:] == [0xFFFF, 0]
    assert image.registers[2:4] == [1, 66]
    assert image.registers[70:72] == [713, 7]
    assert image.end == 40000 + 2 + 68 + 9 + 2


def test_points_nobody_sets_are_not_implemented() -> None:
    image = SunspecImage((103, 704), writable=set())

    assert image.read(103, "W") is None
    assert image.read(103, "StVnd") is None
    assert image.read(704, "WSet") is None
    start = image.address(704, "WSet") - 40000
    assert image.registers[start : start + 2] == [0x8000, 0]


def test_scaled_values_keep_their_sign_and_stay_in_range() -> None:
    image = SunspecImage((701,), writable=set())
    image.write(701, "W_SF", 1)

    image.scale(701, "W", -50_000)
    assert image.read(701, "W") == -5000
    assert image.scaled(701, "W") == -50_000

    image.scale(701, "W", -1e9)
    assert image.read(701, "W") == -32767


def test_a_32_bit_counter_wraps() -> None:
    image = SunspecImage((103,), writable=set())
    image.write(103, "WH_SF", 0)

    image.scale(103, "WH", 2**32 + 5)

    assert image.read(103, "WH") == 5


def test_only_writable_points_take_a_write() -> None:
    image = SunspecImage((704,), writable={(704, "WSet"), (704, "WSetEna")})

    assert image.store(image.address(704, "WSet"), [0xFFFF, 0xFC18]) == {(704, "WSet")}
    assert image.read(704, "WSet") == -1000
    with pytest.raises(ReadOnlyError):
        image.store(image.address(704, "WSetEna"), [1, 1])
    assert image.read(704, "WSetEna") is None


def test_catalogue_is_the_installed_one() -> None:
    path = Path(sunspec2.__file__).parent / "models" / "json" / "model_713.json"

    names = [point["name"] for point in json.loads(path.read_text("utf-8"))["group"]["points"]]

    assert list(model_layout(713).points) == names


def test_a_group_stands_as_often_as_asked() -> None:
    image = SunspecImage((160,), writable=set(), repeats={160: 2})

    image.write(160, "DCW_SF", 1)
    image.scale(160, "module2.DCW", 3120)

    # 8 registers of its own after ID and L, then two modules of 20.
    assert image.registers[2:4] == [160, 8 + 2 * 20]
    assert image.read(160, "module1.DCW") is None
    assert image.read(160, "module2.DCW") == 312
    assert image.address(160, "module2.DCW") == 40000 + 2 + 10 + 20 + 11


def test_a_float_nobody_sets_is_not_a_number() -> None:
    image = SunspecImage((111,), writable=set())
    start = image.address(111, "W") - 40000

    assert image.registers[start : start + 2] == [0x7FC0, 0]
    image.scale(111, "W", -2.5)

    # IEEE 754: -2.5 is 0xC0200000.
    assert image.registers[start : start + 2] == [0xC020, 0]
    assert not image.has(111, "W_SF")
