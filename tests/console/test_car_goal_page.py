"""The goal of a car on the page of its session: seen, set, refused, and nobody else's."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client

from apps.accounts.roles import Role
from apps.assets.models import Site
from apps.chargers.models import Session
from apps.flexibility.models import CarGoal, ReplanCall
from apps.flexibility.services.car_dispatch import cars_dispatch
from apps.flexibility.services.cars import car_goal_update
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.time import utc_now
from tests.flexibility.cars.conftest import (
    needs_2_0_1,
    session_make,
    site,
    station_make,
    tell_needs,
)

SignIn = Callable[..., Client]
__all__ = ["site"]


@pytest.fixture
def session(site: Site) -> Session:
    """A car of 50 kWh at 40 % that leaves in half an hour."""
    now = utc_now()
    session = session_make(station_make())
    tell_needs(session, needs_2_0_1(departure_at=now + timedelta(minutes=30)), at=now)
    car_goal_update(session_id=session.pk, now=now)
    cars_dispatch(now=now)
    return session


def page(client: Client, session: Session) -> str:
    reply = client.get(f"/sessions/{session.pk}/")
    assert reply.status_code == 200
    return reply.content.decode().replace("\xa0", " ")


def shown(text: str, name: str) -> str:
    return text.split(f'data-goal="{name}">')[1].split("</dd>")[0]


def test_the_page_states_goal_and_shortfall(session: Session, signed_in: SignIn) -> None:
    text = page(signed_in("guadeloupe"), session)

    # 22 kW x 0.5 h x 0.92 = 10.12 kWh = 20.2 % of 50 kWh
    assert (shown(text, "target"), shown(text, "expected")) == ("80 %", "60 %")
    assert (shown(text, "soc"), shown(text, "band")) == ("40 %", "40 % – 90 %")
    assert "It will leave with 60 % instead of 80 %: 9.8" in text
    assert "The car" in text.split('id="car-goal"')[1].split("</div>")[0]


def test_a_goal_is_set_and_holds_against_the_car(session: Session, signed_in: SignIn) -> None:
    client = signed_in("guadeloupe")
    ReplanCall.objects.all().delete()

    reply = client.post(
        f"/sessions/{session.pk}/goal", {"departure": "2126-01-01T08:00", "target": "95"}
    )
    assert reply.status_code == 302
    assert CarGoal.objects.get().origin == "car", "too far away: nothing is kept"
    assert "The departure must be within 7 days." in page(client, session)

    reply = client.post(f"/sessions/{session.pk}/goal", {"departure": "", "target": "95"})

    goal = CarGoal.objects.get()
    assert reply.headers["Location"] == f"/sessions/{session.pk}/"
    assert (goal.origin, goal.target_soc_percent, goal.departure_at) == ("operator", 95.0, None)
    assert ReplanCall.objects.get().reason == "car_goal"
    text = page(client, session)
    assert "The goal is kept" in text
    assert "No departure is known: it charges at once." in text


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"departure": "tomorrow", "target": "80"}, "The departure is a day and a time."),
        ({"departure": "2001-01-01T08:00", "target": "80"}, "The departure must lie ahead."),
        ({"departure": "", "target": "101"}, "A state of charge is 0 to 100 %."),
        ({"departure": "", "target": "full"}, "A state of charge is 0 to 100 %."),
        ({}, "A state of charge is 0 to 100 %."),
    ],
)
def test_what_cannot_be_is_refused_in_words(
    session: Session, signed_in: SignIn, typed: dict[str, str], words: str
) -> None:
    client = signed_in("guadeloupe")
    before = CarGoal.objects.values().get()

    client.post(f"/sessions/{session.pk}/goal", typed)

    assert words in page(client, session)
    after = CarGoal.objects.values().get()
    assert {**after, "updated_at": None} == {**before, "updated_at": None}


def test_who_may_give_no_orders_sees_the_goal_and_sets_none(
    session: Session, signed_in: SignIn
) -> None:
    client = signed_in("guadeloupe", Role.ANALYST)

    assert "/goal" not in page(client, session)
    reply = client.post(f"/sessions/{session.pk}/goal", {"departure": "", "target": "95"})

    assert reply.status_code == 403
    assert CarGoal.objects.get().target_soc_percent == 80.0


def test_a_goal_of_another_operator_cannot_be_set(
    session: Session, signed_in: SignIn, operator_b: Operator
) -> None:
    client = signed_in("martinique")

    reply = client.post(f"/sessions/{session.pk}/goal", {"departure": "", "target": "95"})

    assert reply.headers["Location"] == "/sessions/"
    with operator_context("guadeloupe"):
        assert CarGoal.objects.get().target_soc_percent == 80.0


def test_a_session_without_a_goal_has_no_card(site: Site, signed_in: SignIn) -> None:
    session = session_make(station_make())

    assert 'id="car-goal"' not in page(signed_in("guadeloupe"), session)
