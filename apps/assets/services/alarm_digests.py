"""Alarms by e-mail: one mail with what was raised and cleared since the last.

`sent_until` moves in the transaction that ends after the server took the mail: whoever is killed
in between sends it again, and nothing is left out. Without a mail server nothing moves.
"""

import logging
import smtplib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.core.cache import cache
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from redis.exceptions import RedisError

from apps.accounts.models import User
from apps.assets.choices import Severity
from apps.assets.models import Alarm, AlarmDigest
from apps.assets.selectors.alarms import AlarmRow, alarm_row, alarms_between
from apps.tenants.context import current_operator
from apps.tenants.selectors import operator_address
from cariflex.common.errors import DomainError

logger = logging.getLogger(__name__)

SETTLED = timedelta(seconds=5)
"""What is being written at this moment belongs to the next mail."""
MOST_LINES = 100
REFUSED_PAUSE_S = 900
"""After the server refused a mail for good, the next try waits this long."""
NO_ADDRESS = "the user has no e-mail address"
LONGEST_ERROR = 300


@dataclass(frozen=True, slots=True)
class Digest:
    """What one mail says, in words of the active language."""

    operator_name: str
    address: str
    raised: tuple[AlarmRow, ...]
    cleared: tuple[AlarmRow, ...]
    raised_count: int
    cleared_count: int

    @property
    def left_out_count(self) -> int:
        """Lines beyond those that are listed."""
        listed = len(self.raised) + len(self.cleared)
        return self.raised_count + self.cleared_count - listed


def alarm_digest_save(
    *,
    user: User,
    least_severity: int,
    every_minutes: int,
    is_active: bool,
    language: str,
) -> AlarmDigest:
    """How a user wants the alarms by e-mail. Raises DomainError `digest.*` for what cannot be."""
    if least_severity not in Severity.values:
        raise DomainError("digest.severity", "unknown severity", field="least_severity")
    if not 1 <= every_minutes <= 7 * 24 * 60:
        raise DomainError("digest.every", "1 minute to 7 days", field="every_minutes")
    if language not in dict(settings.LANGUAGES):
        raise DomainError("digest.language", "unknown language", field="language")
    digest, _created = AlarmDigest.objects.update_or_create(
        user=user,
        defaults={
            "least_severity": least_severity,
            "every_minutes": every_minutes,
            "is_active": is_active,
            "language": language,
        },
    )
    return digest


def alarm_digests_send(*, now: datetime) -> int:
    """Send every digest that is due; gives how many mails the server took.

    Ends at the first sign that the server is away: the others are tried at the next turn.
    """
    if not settings.MAIL_CONFIGURED:
        return 0
    due = AlarmDigest.objects.filter(is_active=True, user__is_active=True).order_by("id")
    sent = 0
    for digest_id in due.values_list("id", flat=True):
        try:
            sent += _send_due(digest_id, now)
        except smtplib.SMTPResponseException as err:
            _failed(digest_id, err, is_refused=err.smtp_code >= 500)
        except smtplib.SMTPRecipientsRefused as err:
            _failed(digest_id, err, is_refused=True)
        except OSError as err:
            _failed(digest_id, err, is_refused=False)
            break
    return sent


@transaction.atomic
def _send_due(digest_id: int, now: datetime) -> bool:
    """Send one digest if it is due and says anything; a second sender leaves it alone."""
    digest = (
        AlarmDigest.objects.select_for_update(skip_locked=True, of=("self",))
        .select_related("user")
        .filter(pk=digest_id)
        .first()
    )
    until = now - SETTLED
    if digest is None or not _is_due(digest, until):
        return False
    if not digest.user.email:
        AlarmDigest.objects.filter(pk=digest_id).exclude(last_error=NO_ADDRESS).update(
            last_error=NO_ADDRESS
        )
        return False
    alarms = alarms_between(
        start=digest.sent_until, end=until, least_severity=digest.least_severity
    )
    if alarms:
        _mail(digest, alarms, until).send()
    digest.sent_until, digest.last_error = until, ""
    digest.save(update_fields=["sent_until", "last_error"])
    return bool(alarms)


def _is_due(digest: AlarmDigest, until: datetime) -> bool:
    if digest.sent_until is not None:
        wait = timedelta(minutes=digest.every_minutes)
        # The beat is some seconds early or late: that is no reason to wait another turn.
        if until - digest.sent_until < wait - SETTLED:
            return False
    try:
        return cache.get(_refused_key(digest.pk)) is None
    except (RedisError, OSError):
        return True


def _failed(digest_id: int, error: Exception, *, is_refused: bool) -> None:
    """Keep why; the digest itself stays where it was."""
    logger.warning("alarm_digest.failed digest=%s error=%s", digest_id, error)
    AlarmDigest.objects.filter(pk=digest_id).update(
        last_error=f"{type(error).__name__}: {error}"[:LONGEST_ERROR]
    )
    if is_refused:
        try:
            cache.set(_refused_key(digest_id), 1, REFUSED_PAUSE_S)
        except (RedisError, OSError) as err:
            logger.warning("alarm.cache_away error=%s", err)


def _refused_key(digest_id: int) -> str:
    return f"assets.alarm_digest.refused:{digest_id}"


def _mail(digest: AlarmDigest, alarms: Sequence[Alarm], until: datetime) -> EmailMultiAlternatives:
    """The mail in the user's language and the operator's local time."""
    operator = current_operator()
    with translation.override(digest.language), timezone.override(operator.time_zone):
        content = digest_content(
            alarms,
            start=digest.sent_until,
            until=until,
            operator_name=operator.name,
            address=operator_address(operator),
        )
        context = {"digest": content, "language": digest.language}
        mail = EmailMultiAlternatives(
            subject=_("{operator}: alarms raised: {raised}, cleared: {cleared}").format(
                operator=operator.name,
                raised=content.raised_count,
                cleared=content.cleared_count,
            ),
            body=render_to_string("assets/alarm_digest.txt", context),
            to=[digest.user.email],
            headers={"Auto-Submitted": "auto-generated"},
        )
        mail.attach_alternative(render_to_string("assets/alarm_digest.html", context), "text/html")
    return mail


def digest_content(
    alarms: Sequence[Alarm],
    *,
    start: datetime | None,
    until: datetime,
    operator_name: str,
    address: str,
) -> Digest:
    """Raised first, then cleared; one that did both in the time stands in both lists."""
    raised = [a for a in alarms if start is None or a.raised_at > start]
    cleared = [a for a in alarms if a.cleared_at is not None and a.cleared_at <= until]
    return Digest(
        operator_name=operator_name,
        address=address,
        raised=tuple(alarm_row(alarm) for alarm in raised[:MOST_LINES]),
        cleared=tuple(alarm_row(alarm) for alarm in cleared[:MOST_LINES]),
        raised_count=len(raised),
        cleared_count=len(cleared),
    )
