"""The page of alarms: the open ones first, then what is over, and the mails about them."""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.conf import settings

from apps.accounts.models import User
from apps.assets.choices import Severity
from apps.assets.models import AlarmDigest, Device
from apps.assets.selectors.alarms import (
    AlarmCounts,
    AlarmFilter,
    AlarmHistory,
    AlarmRow,
    alarm_counts,
    alarms_history,
    alarms_open,
)

PAGE_SIZE = 25
STATES = ("open", "unacknowledged", "cleared")
MAY_ACKNOWLEDGE = "assets.change_alarm"


@dataclass(frozen=True, slots=True)
class DigestSettings:
    """How the user who looks gets alarms by e-mail."""

    digest: AlarmDigest
    address: str
    is_server_configured: bool
    severities: tuple[tuple[int, str], ...]
    languages: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class AlarmsPage:
    """Everything the page shows."""

    counts: AlarmCounts
    open_alarms: tuple[AlarmRow, ...]
    history: AlarmHistory
    is_first_page: bool
    filter: AlarmFilter
    devices: tuple[tuple[str, str], ...]
    severities: tuple[tuple[int, str], ...]
    may_acknowledge: bool
    digest: DigestSettings

    @property
    def older_query(self) -> str:
        """The query of the next page with the same filter."""
        return self._query(before=self.history.before)

    @property
    def first_query(self) -> str:
        """The query of the first page with the same filter."""
        return self._query(before=None)

    def _query(self, *, before: int | None) -> str:
        chosen = {
            "severity": self.filter.least_severity,
            "state": self.filter.state,
            "device": self.filter.device_code,
            "before": before,
        }
        return urlencode({name: value for name, value in chosen.items() if value})


def alarms_page(
    *, chosen: AlarmFilter, before: int | None, user: User, language: str
) -> AlarmsPage:
    """Open alarms, a page of history and the user's digest; at most five queries."""
    shows_open = chosen.state != "cleared"
    shows_past = chosen.state != "open"
    severities = tuple((int(value), str(label)) for value, label in Severity.choices)
    return AlarmsPage(
        counts=alarm_counts(),
        open_alarms=tuple(alarms_open(chosen=chosen)) if shows_open else (),
        history=alarms_history(chosen=chosen, before=before, limit=PAGE_SIZE)
        if shows_past
        else AlarmHistory((), None),
        is_first_page=before is None,
        filter=chosen,
        devices=tuple(Device.objects.order_by("code").values_list("code", "name")),
        severities=severities,
        may_acknowledge=user.has_perm(MAY_ACKNOWLEDGE),
        digest=DigestSettings(
            digest=AlarmDigest.objects.filter(user=user).first()
            or AlarmDigest(user=user, is_active=False, language=language),
            address=user.email,
            is_server_configured=settings.MAIL_CONFIGURED,
            severities=severities,
            languages=tuple(settings.LANGUAGES),
        ),
    )
