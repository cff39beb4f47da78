"""Certificates that end stand in the operator's one alarm book, until they are renewed."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.utils import translation

from apps.accounts.roles import Role
from apps.accounts.services import user_ensure
from apps.assets.models import Alarm
from apps.assets.selectors.alarms import alarms_open
from apps.assets.services.alarm_sweep import alarms_watch
from apps.assets.services.alarms import alarm_acknowledge
from apps.assets.services.source_alarms import SourceChanges
from apps.chargers import tasks
from apps.chargers.choices import CertificateUse, UpkeepStatus
from apps.chargers.models import ChargingStation, StationCertificate
from apps.chargers.services.certificates import (
    authority_create,
    authority_retire,
    certificate_alarms_keep,
    certificate_end,
)
from apps.chargers.services.stations import station_register
from apps.tenants.context import OperatorMissing, operator_context
from apps.tenants.models import Operator
from tests.chargers.conftest import STATION_ID

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
Ending = Callable[..., StationCertificate]


def certificate(
    station: ChargingStation,
    *,
    days: float,
    serial: str,
    use: str = CertificateUse.CHARGING_STATION,
    now: datetime = NOW,
) -> StationCertificate:
    return StationCertificate.objects.create(
        station=station, use=use, serial_number=serial, status=UpkeepStatus.DONE,
        valid_from=now - timedelta(days=300), valid_to=now + timedelta(days=days), created_at=now,
    )  # fmt: skip


def opened() -> list[tuple[str, str, int]]:
    return [(row.kind, row.code, row.severity) for row in alarms_open()]


def test_an_ending_certificate_is_an_alarm_until_it_is_renewed(station: ChargingStation) -> None:
    certificate(station, days=31, serial="aa")
    assert certificate_alarms_keep(now=NOW) == SourceChanges(0, 0)

    soon = NOW + timedelta(days=2)
    assert certificate_alarms_keep(now=soon) == SourceChanges(1, 0)
    assert certificate_alarms_keep(now=soon + timedelta(hours=1)) == SourceChanges(0, 0)
    assert opened() == [("certificate_ends", "aa", 1)]
    (row,) = alarms_open()
    assert (row.device_id, row.device_name, row.source, row.source_id) == (
        None, STATION_ID, "station", station.pk,
    )  # fmt: skip
    with translation.override("en"):
        assert alarms_open()[0].title == "Certificate ends soon"
        assert "04/10/2026" in alarms_open()[0].detail

    over = NOW + timedelta(days=31)
    assert certificate_alarms_keep(now=over) == SourceChanges(1, 1)
    assert opened() == [("certificate_ended", "aa", 2)]

    certificate(station, days=365, serial="bb")
    assert certificate_alarms_keep(now=over) == SourceChanges(0, 1)
    assert opened() == []
    assert Alarm.objects.exclude(cleared_at=None).count() == 2


def test_a_root_is_not_replaced_by_another_and_one_taken_back_is_silent(
    station: ChargingStation,
) -> None:
    root = certificate(station, days=5, serial="r1", use=CertificateUse.CSMS_ROOT)
    certificate(station, days=500, serial="r2", use=CertificateUse.CSMS_ROOT)
    other = station_register(station_id="CS-002", rated_power_kw=22.0)
    gone = certificate(other, days=5, serial="cc")
    certificate_alarms_keep(now=NOW)
    assert {code for _kind, code, _severity in opened()} == {"r1", "cc"}

    certificate_end(certificate_id=gone.pk, now=NOW)
    certificate_alarms_keep(now=NOW)

    assert opened() == [("certificate_ends", "r1", 1)]
    assert alarms_open()[0].source_id == root.station_id


def test_the_authority_that_signs_warns_ninety_days_ahead(operator_a: Operator) -> None:
    made = authority_create(name="Stations", now=NOW, valid_for=timedelta(days=89))
    certificate_alarms_keep(now=NOW)
    assert [(r.source, r.source_id, r.device_name) for r in alarms_open()] == [
        ("authority", made.pk, "Stations")
    ]

    authority_create(name="Stations 2", now=NOW + timedelta(seconds=1))
    certificate_alarms_keep(now=NOW)
    assert opened() == []

    authority_retire(authority_id=made.pk)
    assert certificate_alarms_keep(now=NOW) == SourceChanges(0, 0)


def test_who_has_seen_it_stays_and_the_watch_of_devices_leaves_it_alone(
    station: ChargingStation,
) -> None:
    certificate(station, days=3, serial="aa")
    certificate_alarms_keep(now=NOW)
    user = user_ensure(username="ann", password="pw", role=Role.OPERATIONS)
    (row,) = alarms_open()
    alarm_acknowledge(alarm_id=row.alarm_id, by=user, now=NOW, note="ordered")

    alarms_watch(now=NOW + timedelta(hours=1))
    certificate_alarms_keep(now=NOW + timedelta(hours=1))

    (row,) = alarms_open()
    assert (row.note, row.is_acknowledged) == ("ordered", True)


def test_each_operator_sees_its_own_on_the_page_and_in_the_api(
    operator_a: Operator, operator_b: Operator
) -> None:
    now = datetime.now(UTC)
    for operator, serial in ((operator_a, "aa"), (operator_b, "bb")):
        with operator_context(operator.schema_name):
            station = station_register(station_id=STATION_ID, rated_power_kw=22.0)
            certificate(station, days=3, serial=serial, now=now)
    with pytest.raises(OperatorMissing):
        tasks.certificates_watch.apply(headers={"operator": "public"}).get()

    tasks.certificates_watch.apply(headers={"operator": operator_a.schema_name}).get()

    client = Client(headers={"host": "guadeloupe.localhost", "accept-language": "en"})
    with operator_context(operator_a.schema_name):
        client.force_login(user_ensure(username="ann", password="pw", role=Role.OPERATIONS))
        assert [code for _kind, code, _severity in opened()] == ["aa"]
    with operator_context(operator_b.schema_name):
        assert opened() == []
    page = client.get("/alarms/").content.decode()
    assert "Certificate ends soon" in page
    assert STATION_ID in page
    (alarm,) = client.get("/api/v1/alarms/").json()["results"]
    assert (alarm["device"], alarm["source"], alarm["source_name"], alarm["code"]) == (
        None, "station", STATION_ID, "aa",
    )  # fmt: skip
    admin = client.get("/admin/assets/alarm/").content.decode()
    assert STATION_ID in admin
