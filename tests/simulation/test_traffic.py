import pytest

from apps.simulation.island import load_island, operators
from apps.simulation.stations.traffic import Traffic, Visit


def driven(operator: str, hours: float) -> list[tuple[float, Visit]]:
    """(arrival, visit) when every car charges as soon as it comes and leaves on time."""
    island = load_island(operator)
    traffic = Traffic(island)
    log: list[tuple[float, Visit]] = []
    for now_s in range(int(hours * 3600)):
        here = [visit for at_s, visit in log if at_s + visit.stay_s > now_s]
        busy = {visit.station_id for visit in here}
        cars = {visit.id_token for visit in here}
        log += [
            (now_s, visit)
            for visit in traffic.due(
                now_s,
                free=[s.station_id for s in island.stations if s.station_id not in busy],
                away=[car.id_token for car in island.cars if car.id_token not in cars],
                busy=busy,
            )
        ]
    return log


@pytest.mark.parametrize("operator", operators())
def test_six_cars_come_within_20_s_and_two_leave_within_70(operator: str) -> None:
    opening = [(at_s, visit) for at_s, visit in driven(operator, 0.01) if at_s <= 20]

    stays = sorted(visit.stay_s for _, visit in opening)
    assert len(opening) == 6
    assert len({visit.station_id for _, visit in opening}) == 6
    assert len({visit.id_token for _, visit in opening}) == 6
    assert all(50 <= stay_s <= 70 for stay_s in stays[:2])
    assert stays[2] == 180
    assert all(600 <= stay_s <= 2700 for stay_s in stays[3:])


@pytest.mark.parametrize("operator", operators())
def test_three_sessions_are_always_live_and_one_ends_every_few_minutes(operator: str) -> None:
    hours = 4.0
    log = [(at_s, visit) for at_s, visit in driven(operator, hours) if not visit.target_percent]

    for now_s in range(20, int(hours * 3600)):
        live = sum(at_s <= now_s < at_s + visit.stay_s for at_s, visit in log)
        assert 3 <= live <= 6
    ends = sorted(at_s + visit.stay_s for at_s, visit in log if at_s + visit.stay_s < hours * 3600)
    gaps = [later - earlier for earlier, later in zip(ends, ends[1:], strict=False)]
    assert sum(gaps) / len(gaps) < 300


@pytest.mark.parametrize("operator", operators())
def test_two_cars_stay_for_hours_and_tell_what_they_need(operator: str) -> None:
    log = driven(operator, 10.0)

    long = [(at_s, visit) for at_s, visit in log if visit.target_percent]
    assert [at_s for at_s, _visit in long[:2]] == [30, 45]
    assert all(7200 <= visit.stay_s <= 28800 for _at_s, visit in long)
    assert all(visit.soc_percent <= 50 for _at_s, visit in long)
    assert all(80 <= (visit.target_percent or 0) <= 95 for _at_s, visit in long)
    stations = {visit.station_id for _at_s, visit in long}
    assert len(stations) == 2
    assert not stations & {visit.station_id for _at_s, visit in log if not visit.target_percent}


def test_traffic_is_repeatable_and_differs_between_islands() -> None:
    assert driven("guadeloupe", 0.5) == driven("guadeloupe", 0.5)
    first = [(at_s, visit.stay_s) for at_s, visit in driven("guadeloupe", 0.1)]
    assert first != [(at_s, visit.stay_s) for at_s, visit in driven("martinique", 0.1)]
