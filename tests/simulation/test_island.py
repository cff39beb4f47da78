import hashlib
import hmac
import subprocess
import sys

import pytest

from apps.simulation.island import load_island, operators, station_password, user_password

LAND = {
    "guadeloupe": ((15.9, 16.55), (-61.85, -61.1)),
    "martinique": ((14.38, 14.9), (-61.25, -60.8)),
}


@pytest.mark.parametrize("operator", operators())
def test_island_has_the_promised_assets(operator: str) -> None:
    island = load_island(operator)

    pv = [device for device in island.devices if device.kind == "pv"]
    batteries = [device for device in island.devices if device.kind == "battery"]
    assert [device.code for device in pv] == [f"pv-{n:02d}" for n in range(1, 11)]
    assert [device.code for device in batteries] == [f"bat-{n:02d}" for n in range(1, 11)]
    assert [device.port_offset for device in island.devices] == list(range(20))
    assert {(d.rated_power_kw, d.capacity_kwh) for d in pv} == {(5.0, None)}
    assert {(d.rated_power_kw, d.capacity_kwh) for d in batteries} == {(50.0, 100.0)}
    assert len({station.station_id for station in island.stations}) == 10
    assert {station.rated_power_kw for station in island.stations} == {22.0}
    assert len({car.id_token for car in island.cars}) == 10
    assert {car.capacity_kwh for car in island.cars} == {75.0}


@pytest.mark.parametrize("operator", operators())
def test_every_place_lies_within_its_island_and_is_its_own(operator: str) -> None:
    island = load_island(operator)
    latitudes, longitudes = LAND[operator]

    places = [(each.latitude, each.longitude) for each in (*island.devices, *island.stations)]

    assert all(latitudes[0] < latitude < latitudes[1] for latitude, _ in places)
    assert all(longitudes[0] < longitude < longitudes[1] for _, longitude in places)
    assert len(set(places)) == 30


def test_unknown_operator_is_refused() -> None:
    with pytest.raises(ValueError, match="atlantis"):
        load_island("atlantis")


def test_passwords_are_cut_hmacs_of_the_secret() -> None:
    station = hmac.new(b"s", b"station/guadeloupe/GP-CS-001", hashlib.sha256).hexdigest()
    user = hmac.new(b"s", b"demo-user", hashlib.sha256).hexdigest()

    assert station_password("s", "guadeloupe", "GP-CS-001") == station[:24]
    assert user_password("s") == user[:12]
    assert station_password("s", "martinique", "GP-CS-001") != station[:24]


def test_simulation_needs_no_django() -> None:
    script = (
        "import sys, apps.simulation.devices.__main__, apps.simulation.stations.__main__,"
        "apps.simulation.market.__main__; sys.exit('django' in sys.modules)"
    )

    done = subprocess.run([sys.executable, "-c", script], check=False, timeout=60)

    assert done.returncode == 0
