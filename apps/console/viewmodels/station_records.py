"""What is kept of one charging station: its device model, what it reported, jobs, certificates."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from apps.chargers.choices import UpkeepStatus
from apps.chargers.models import (
    DeviceVariable,
    FirmwareJob,
    LogJob,
    ReportRun,
    SecurityEvent,
    StationCertificate,
    StationEvent,
)
from apps.chargers.selectors.station_history import (
    security_events_page,
    station_events_page,
    variables_found,
)
from apps.chargers.services.certificates import EXPIRY_NOTICE

VARIABLES_SHOWN = 50
EVENTS_SHOWN = 25
JOBS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class ModelPage:
    """A page of a station's variables, and the report they came with last."""

    variables: tuple[DeviceVariable, ...]
    text: str
    is_first_page: bool
    after: int | None
    report: ReportRun | None

    @property
    def next_query(self) -> str:
        """The query of the next page."""
        return _query({"tab": "model", "q": self.text, "after": self.after})

    @property
    def first_query(self) -> str:
        """The query of the first page."""
        return _query({"tab": "model", "q": self.text})


@dataclass(frozen=True, slots=True)
class EventsPage:
    """What a station reported: security events beside events and fault codes."""

    security: tuple[SecurityEvent, ...]
    security_before: int | None
    notices: tuple[StationEvent, ...]
    notices_before: int | None
    is_first_page: bool

    @property
    def older_security_query(self) -> str:
        """The query that shows older security events."""
        return _query({"tab": "events", "security": self.security_before})

    @property
    def older_notices_query(self) -> str:
        """The query that shows older events."""
        return _query({"tab": "events", "notices": self.notices_before})


@dataclass(frozen=True, slots=True)
class CertificateLine:
    """A certificate and how near its end is."""

    certificate: StationCertificate
    state: str
    """`valid`, `soon`, `expired`, `ended`, `asked` or `unknown`."""
    left: timedelta | None


@dataclass(frozen=True, slots=True)
class UpkeepPage:
    """Jobs and certificates of a station, newest first."""

    firmware: tuple[FirmwareJob, ...]
    logs: tuple[LogJob, ...]
    certificates: tuple[CertificateLine, ...]


def model_page(*, station_pk: int, text: str, after: int) -> ModelPage:
    """A page of variables whose names or value hold every word of the text. Two queries."""
    page = variables_found(station_pk=station_pk, text=text, after=after, limit=VARIABLES_SHOWN)
    return ModelPage(
        variables=tuple(page.rows),
        text=text,
        is_first_page=after == 0,
        after=page.next_after,
        report=ReportRun.objects.filter(station_id=station_pk).first(),
    )


def events_page(
    *, station_pk: int, security_before: int | None, notices_before: int | None
) -> EventsPage:
    """Security events and other events of a station. Two queries."""
    security = security_events_page(
        station_pk=station_pk, before=security_before, limit=EVENTS_SHOWN
    )
    notices = station_events_page(station_pk=station_pk, before=notices_before, limit=EVENTS_SHOWN)
    return EventsPage(
        security=tuple(security.rows),
        security_before=security.next_after,
        notices=tuple(notices.rows),
        notices_before=notices.next_after,
        is_first_page=security_before is None and notices_before is None,
    )


def upkeep_page(*, station_pk: int, now: datetime) -> UpkeepPage:
    """The newest jobs and certificates of a station. Three queries."""
    firmware = FirmwareJob.objects.filter(station_id=station_pk).select_related("requested_by")
    logs = LogJob.objects.filter(station_id=station_pk).select_related("requested_by")
    certificates = StationCertificate.objects.filter(station_id=station_pk)
    return UpkeepPage(
        firmware=tuple(firmware[:JOBS_SHOWN]),
        logs=tuple(logs[:JOBS_SHOWN]),
        certificates=tuple(
            CertificateLine(
                certificate=one,
                state=certificate_state(one, now=now),
                left=one.valid_to - now if one.valid_to and one.valid_to > now else None,
            )
            for one in certificates[:JOBS_SHOWN]
        ),
    )


def certificate_state(certificate: StationCertificate, *, now: datetime) -> str:
    """`valid`, `soon` (within 30 days of its end), `expired`, `ended`, `asked` or `unknown`."""
    if certificate.status in (UpkeepStatus.ENDED, UpkeepStatus.FAILED):
        return "ended"
    if certificate.status in (UpkeepStatus.REQUESTED, UpkeepStatus.RUNNING):
        return "asked"
    if certificate.valid_to is None:
        return "unknown"
    if certificate.valid_to <= now:
        return "expired"
    return "soon" if certificate.valid_to <= now + EXPIRY_NOTICE else "valid"


def _query(told: Mapping[str, object]) -> str:
    return urlencode({name: value for name, value in told.items() if value})
