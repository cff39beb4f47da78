"""Reminders: proposed, read, sent, dropped."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.billing.choices import ReminderState
from apps.billing.models import Reminder
from apps.billing.services.reminders import (
    reminder_drop,
    reminder_levels_load,
    reminder_retry,
    reminders_make,
)
from apps.billing.services.reminders_send import reminder_mark_sent, reminder_send
from apps.console.viewmodels.payment_statements import (
    MAY_PROPOSE,
    MAY_SEE_REMINDERS,
    MAY_SEND,
    reminder_page,
    reminders_listing,
)
from apps.console.views.access import console_action, console_view, permission_needed
from apps.console.views.forms import allowed, page_number, to_page, tried
from apps.console.views.payments import today
from cariflex.common.time import utc_now


@console_view
@permission_needed(MAY_SEE_REMINDERS)
def reminders(request: HttpRequest) -> HttpResponse:
    """Reminders, last made first."""
    state = request.GET.get("state", "")
    page = reminders_listing(
        state=state if state in ReminderState.values else "",
        page=page_number(request),
        user=request.user,  # type: ignore[arg-type]
    )
    return render(request, "console/payments_reminders.html", {"page_of": page})


@console_view
@permission_needed(MAY_SEE_REMINDERS)
def reminder(request: HttpRequest, reminder_id: int) -> HttpResponse:
    """One reminder as it would go out now, or as it went."""
    page = reminder_page(reminder_id=reminder_id, today=today(), user=request.user)  # type: ignore[arg-type]
    if page is None:
        raise Http404
    return render(request, "console/payments_reminder.html", {"page_of": page})


@console_action
def make(request: HttpRequest) -> HttpResponse:
    """Propose what is due; nothing is sent."""
    allowed(request, MAY_PROPOSE)
    made = reminders_make(now=utc_now())
    text = ngettext("%(count)d reminder is proposed.", "%(count)d reminders are proposed.", made)
    messages.success(request, text % {"count": made})
    return to_page("payments-reminders")


@console_action
def levels_load(request: HttpRequest) -> HttpResponse:
    """Take over the levels and texts that come with the product."""
    allowed(request, "billing.add_reminderlevel")
    added = reminder_levels_load()
    text = ngettext("%(count)d level is added.", "%(count)d levels are added.", added)
    messages.success(request, text % {"count": added})
    return to_page("payments-reminders")


@console_action
def act(request: HttpRequest, reminder_id: int, what: str) -> HttpResponse:
    """Send it, say that it went out, drop it, or propose it again."""
    allowed(request, MAY_SEND)
    now, by_id = utc_now(), request.user.pk
    acts = {
        "send": lambda: reminder_send(reminder_id=reminder_id, now=now, by_id=by_id),
        "paper": lambda: reminder_mark_sent(
            reminder_id=reminder_id, now=now, on_paper=True, by_id=by_id
        ),
        "arrived": lambda: reminder_mark_sent(
            reminder_id=reminder_id, now=now, on_paper=False, by_id=by_id
        ),
        "drop": lambda: reminder_drop(reminder_id=reminder_id),
        "retry": lambda: reminder_retry(reminder_id=reminder_id),
    }
    if what not in acts:
        raise Http404
    done = tried(request, acts[what])
    if done is not None:
        _tell(request, done)
    return to_page("payments-reminder", reminder_id)


def _tell(request: HttpRequest, done: Reminder) -> None:
    if done.state == ReminderState.SENT:
        messages.success(request, _("The reminder is sent."))
    elif done.last_error:
        words = _("The mail server did not take it: %(error)s")
        messages.error(request, words % {"error": done.last_error})
