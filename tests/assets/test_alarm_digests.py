"""Digests by e-mail, taken by a real SMTP server on loopback."""

import email
import email.policy
import socket
from collections.abc import Iterator
from email.message import EmailMessage

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from django.core import mail
from django.core.cache import cache
from django.db import connection
from django.test import override_settings

from apps.accounts.models import User
from apps.accounts.roles import Role
from apps.accounts.services import user_ensure
from apps.assets.choices import AlarmKind, Severity
from apps.assets.models import Alarm, AlarmDigest
from apps.assets.services import alarm_digests
from apps.assets.services.alarm_digests import alarm_digest_save, alarm_digests_send
from apps.assets.services.alarms import alarm_clear, alarm_raise
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.errors import DomainError
from tests.assets.alarm_scene import at, device_make

MINUTE = 60


class Postbox:
    """Takes mails; answers the next ones with `refusals` first."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.receivers: list[list[str]] = []
        self.refusals: list[str] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.refusals:
            return self.refusals.pop(0)
        assert isinstance(envelope.content, bytes)
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        self.mails.append(message)
        self.receivers.append(envelope.rcpt_tos)
        return "250 Taken"


@pytest.fixture
def postbox() -> Iterator[Postbox]:
    box = Postbox()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    with override_settings(
        EMAIL_BACKEND="django.core.mail.backends.smtp.EmailBackend",
        EMAIL_HOST="127.0.0.1",
        EMAIL_PORT=port,
        EMAIL_TIMEOUT=5,
        MAIL_CONFIGURED=True,
    ):
        yield box
    controller.stop()


@pytest.fixture
def reader(operator_a: Operator) -> User:
    cache.clear()
    return user_ensure(
        username="reader", password="pw", role=Role.OPERATIONS, email="reader@example.org"
    )


def subscribe(user: User, **changes: object) -> AlarmDigest:
    values: dict[str, object] = {
        "least_severity": Severity.WARNING,
        "every_minutes": 15,
        "is_active": True,
        "language": "en",
    }
    return alarm_digest_save(user=user, **{**values, **changes})  # type: ignore[arg-type]


def raise_it(device_id: int, second: float, **changes: object) -> None:
    values: dict[str, object] = {"kind": AlarmKind.COMMUNICATION, "severity": Severity.CRITICAL}
    alarm_raise(device_id=device_id, now=at(second), **{**values, **changes})  # type: ignore[arg-type]


def clear_it(device_id: int, second: float) -> None:
    alarm_clear(device_id=device_id, kind=AlarmKind.COMMUNICATION, now=at(second))


def bodies(message: EmailMessage) -> tuple[str, str]:
    text = message.get_body(("plain",))
    html = message.get_body(("html",))
    assert text is not None
    assert html is not None
    return text.get_content(), html.get_content()


def test_a_mail_says_what_was_raised_and_cleared(reader: User, postbox: Postbox) -> None:
    device = device_make()
    subscribe(reader)
    raise_it(device.pk, 0, figures={"connection_state": "silent", "error": "no <answer>"})

    assert alarm_digests_send(now=at(10)) == 1
    clear_it(device.pk, 100)
    assert alarm_digests_send(now=at(10 + 15 * MINUTE)) == 1

    first, second = postbox.mails
    assert postbox.receivers == [["reader@example.org"]] * 2
    assert first["Subject"] == "Guadeloupe: alarms raised: 1, cleared: 0"
    text, html = bodies(first)
    # 12:00 UTC is 08:00 in Guadeloupe.
    assert "08:00:00  [Critical] Device pv-01 (pv-01): Does not answer – no <answer>" in text
    assert "no &lt;answer&gt;" in html
    assert "http://guadeloupe.localhost" in text
    assert "Cleared" not in text
    assert second["Subject"] == "Guadeloupe: alarms raised: 0, cleared: 1"
    text, html = bodies(second)
    assert "08:01:40  [Critical] Device pv-01 (pv-01): Does not answer" in text
    assert "Raised" not in text


@pytest.mark.parametrize(
    ("language", "day"), [("fr", "23/11/2026"), ("en", "11/23/2026"), ("es", "23/11/2026")]
)
def test_a_mail_is_in_the_users_language(
    language: str, day: str, reader: User, postbox: Postbox
) -> None:
    subscribe(reader, language=language)
    raise_it(device_make().pk, 0)

    alarm_digests_send(now=at(10))

    assert day in bodies(postbox.mails[0])[0]
    assert f'<html lang="{language}">' in bodies(postbox.mails[0])[1]


def test_without_a_known_language_it_is_french(reader: User) -> None:
    assert AlarmDigest.objects.create(user=reader).language == "fr"


def test_nothing_is_sent_when_nothing_happened(reader: User, postbox: Postbox) -> None:
    digest = subscribe(reader)

    assert alarm_digests_send(now=at(0)) == 0
    assert alarm_digests_send(now=at(20 * MINUTE)) == 0

    assert postbox.mails == []
    digest.refresh_from_db()
    assert digest.sent_until == at(20 * MINUTE - 5)


def test_at_most_one_mail_in_the_chosen_time_and_nothing_twice(
    reader: User, postbox: Postbox
) -> None:
    device = device_make()
    subscribe(reader, every_minutes=15)

    for minute in range(31):
        raise_it(device.pk, minute * MINUTE, code=f"c{minute}")
        alarm_digests_send(now=at(minute * MINUTE + 30))

    # At 0:30, 15:30 and 30:30.
    assert len(postbox.mails) == 3
    lines = [bodies(message)[0].count("[Critical]") for message in postbox.mails]
    assert lines == [1, 15, 15]


def test_an_alarm_that_is_being_written_waits_for_the_next_mail(
    reader: User, postbox: Postbox
) -> None:
    device = device_make()
    subscribe(reader, every_minutes=1)
    raise_it(device.pk, 0)
    raise_it(device.pk, 57, code="young")

    alarm_digests_send(now=at(60))
    alarm_digests_send(now=at(120))

    assert [bodies(message)[0].count("[Critical]") for message in postbox.mails] == [1, 1]


def test_only_from_the_chosen_severity_on(reader: User, postbox: Postbox) -> None:
    device = device_make()
    subscribe(reader, least_severity=Severity.CRITICAL)
    raise_it(device.pk, 0, kind=AlarmKind.STALE, severity=Severity.WARNING)

    assert alarm_digests_send(now=at(10)) == 0
    raise_it(device.pk, 20)
    alarm_digests_send(now=at(20 * MINUTE))

    (message,) = postbox.mails
    assert "late" not in bodies(message)[0]


def test_a_long_list_is_cut_and_says_so(
    reader: User, postbox: Postbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alarm_digests, "MOST_LINES", 2)
    device = device_make()
    subscribe(reader)
    for n in range(5):
        raise_it(device.pk, n, code=f"c{n}")

    alarm_digests_send(now=at(20))

    text = bodies(postbox.mails[0])[0]
    assert postbox.mails[0]["Subject"] == "Guadeloupe: alarms raised: 5, cleared: 0"
    assert text.count("[Critical]") == 2
    assert "3 more lines" in text


@pytest.mark.parametrize("answer", ["451 Busy, try again", "554 No"])
def test_what_the_server_did_not_take_is_sent_again(
    answer: str, reader: User, postbox: Postbox
) -> None:
    device = device_make()
    digest = subscribe(reader)
    raise_it(device.pk, 0)
    postbox.refusals = [answer]

    assert alarm_digests_send(now=at(10)) == 0
    digest.refresh_from_db()
    assert digest.sent_until is None
    assert answer[:3] in digest.last_error
    # After a refusal for good the next try waits; here its time is over.
    cache.clear()
    assert alarm_digests_send(now=at(70)) == 1

    digest.refresh_from_db()
    assert (digest.sent_until, digest.last_error) == (at(65), "")
    assert len(postbox.mails) == 1


def test_a_refusal_for_good_is_not_repeated_every_minute(reader: User, postbox: Postbox) -> None:
    subscribe(reader)
    raise_it(device_make().pk, 0)
    postbox.refusals = ["554 No"]

    alarm_digests_send(now=at(10))
    assert alarm_digests_send(now=at(70)) == 0

    assert postbox.mails == []


def test_who_is_killed_after_the_mail_repeats_it_and_loses_nothing(
    reader: User, postbox: Postbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = device_make()
    subscribe(reader)
    raise_it(device.pk, 0)

    class Killed(BaseException):
        pass

    def killed(self: AlarmDigest, **_kwargs: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(AlarmDigest, "save", killed)
        with pytest.raises(Killed):
            alarm_digests_send(now=at(10))
    alarm_digests_send(now=at(70))

    assert len(postbox.mails) == 2
    assert bodies(postbox.mails[0]) == bodies(postbox.mails[1])


def test_a_server_that_is_away_stops_nobody_for_long(
    reader: User, postbox: Postbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = device_make()
    other = user_ensure(
        username="other", password="pw", role=Role.OPERATIONS, email="other@example.org"
    )
    subscribe(reader)
    subscribe(other)
    raise_it(device.pk, 0)
    tries: list[int] = []
    send = alarm_digests._send_due

    def counted(digest_id: int, now: object) -> bool:
        tries.append(digest_id)
        return send(digest_id, now)  # type: ignore[arg-type]

    monkeypatch.setattr(alarm_digests, "_send_due", counted)
    with override_settings(EMAIL_PORT=1):
        assert alarm_digests_send(now=at(10)) == 0
    assert len(tries) == 1
    assert alarm_digests_send(now=at(70)) == 2

    assert sorted(receivers[0] for receivers in postbox.receivers) == [
        "other@example.org", "reader@example.org"
    ]  # fmt: skip


def test_without_a_mail_server_nothing_is_sent_and_nothing_dropped(
    reader: User, postbox: Postbox
) -> None:
    digest = subscribe(reader)
    raise_it(device_make().pk, 0)

    with override_settings(MAIL_CONFIGURED=False):
        assert alarm_digests_send(now=at(10)) == 0
    digest.refresh_from_db()
    assert digest.sent_until is None
    clear_it(Alarm.objects.get().device_id, 3000)
    raise_it(Alarm.objects.get().device_id, 4000)

    assert alarm_digests_send(now=at(5000)) == 1
    assert mail.outbox == []


def test_a_user_without_an_address_is_told(reader: User, postbox: Postbox) -> None:
    User.objects.filter(pk=reader.pk).update(email="")
    digest = subscribe(reader)
    raise_it(device_make().pk, 0)

    assert alarm_digests_send(now=at(10)) == 0

    digest.refresh_from_db()
    assert (digest.sent_until, digest.last_error) == (None, "the user has no e-mail address")


@pytest.mark.parametrize("who", ["digest", "user"])
def test_who_is_switched_off_gets_nothing(who: str, reader: User, postbox: Postbox) -> None:
    subscribe(reader, is_active=who != "digest")
    User.objects.filter(pk=reader.pk).update(is_active=who != "user")
    raise_it(device_make().pk, 0)

    assert alarm_digests_send(now=at(10)) == 0
    assert postbox.mails == []


def test_each_operator_mails_its_own_alarms(
    reader: User, operator_b: Operator, postbox: Postbox
) -> None:
    subscribe(reader)
    with operator_context("martinique"):
        theirs = user_ensure(
            username="theirs", password="pw", role=Role.OPERATIONS, email="theirs@example.org"
        )
        subscribe(theirs)
        raise_it(device_make().pk, 0)
        assert alarm_digests_send(now=at(10)) == 1
    assert alarm_digests_send(now=at(10)) == 0

    assert postbox.receivers == [["theirs@example.org"]]
    assert postbox.mails[0]["Subject"].startswith("Martinique")


def test_two_senders_at_once_send_one_mail(
    live_operators: tuple[Operator, Operator], postbox: Postbox
) -> None:
    with operator_context("guadeloupe"):
        cache.clear()
        user = user_ensure(username="reader", password="pw", email="reader@example.org")
        subscribe(user)
        raise_it(device_make().pk, 0)
        real = alarm_digests._mail
        nested: list[int] = []

        def second_sender() -> None:
            import threading

            def work() -> None:
                try:
                    with operator_context("guadeloupe"):
                        nested.append(alarm_digests_send(now=at(10)))
                finally:
                    connection.close()

            thread = threading.Thread(target=work)
            thread.start()
            thread.join()

        def slow(*args: object) -> object:
            second_sender()
            return real(*args)  # type: ignore[arg-type]

        alarm_digests._mail = slow  # type: ignore[assignment]
        try:
            assert alarm_digests_send(now=at(10)) == 1
        finally:
            alarm_digests._mail = real

    assert nested == [0]
    assert len(postbox.mails) == 1


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"least_severity": 9}, "digest.severity"),
        ({"every_minutes": 0}, "digest.every"),
        ({"every_minutes": 10_081}, "digest.every"),
        ({"language": "xx"}, "digest.language"),
    ],
)
def test_what_cannot_be_is_refused(changes: dict[str, object], code: str, reader: User) -> None:
    with pytest.raises(DomainError) as refused:
        subscribe(reader, **changes)

    assert refused.value.code == code
    assert not AlarmDigest.objects.exists()
