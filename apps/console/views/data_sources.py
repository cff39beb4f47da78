"""Sources: how each feed stands, setting one up, switching it, asking again."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from apps.console.viewmodels.data_imports import MAY_SEE as MAY_SEE_IMPORTS
from apps.console.viewmodels.data_source_form import (
    AccessForm,
    AccessWords,
    access_field,
    access_form,
    access_words,
    askable_feeds,
    typed_form,
)
from apps.console.viewmodels.data_sources import MAY_CHANGE, MAY_SEE, sources_page
from apps.console.views.access import console_action, console_view, permission_needed
from apps.console.views.forms import key_of, to_page, tried
from apps.markets.choices import Feed
from apps.markets.models import FeedAccess, FeedRequest
from apps.markets.services.feeds.engine import feed_request_retry
from apps.markets.services.sources import feed_access_configure
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now

REFUSED = 422


@console_view
@permission_needed(MAY_SEE)
def sources(request: HttpRequest) -> HttpResponse:
    """Every access with its state, calls and requests."""
    page = sources_page(
        now=utc_now(),
        may_change=request.user.has_perm(MAY_CHANGE),
        may_see_imports=request.user.has_perm(MAY_SEE_IMPORTS),
    )
    return render(request, "console/data_sources.html", {"page_of": page})


@console_view
@permission_needed(MAY_CHANGE)
def add(request: HttpRequest) -> HttpResponse:
    """The form of a new access to the feed that the query names."""
    return _form(request, access_form(FeedAccess(feed=_feed(request.GET.get("feed", "")))))


@console_view
@permission_needed(MAY_CHANGE)
def edit(request: HttpRequest, access_id: int) -> HttpResponse:
    """The form of an access as it stands; its token is not shown."""
    return _form(request, access_form(_found(access_id)))


@console_action
@permission_needed(MAY_CHANGE)
def save(request: HttpRequest) -> HttpResponse:
    """Keep what was typed, or show it again with what is wrong."""
    pk = key_of(request.POST.get("access", ""))
    access = _found(pk) if pk is not None else None
    feed = Feed(access.feed) if access else _feed(request.POST.get("feed", ""))
    words = access_words(request.POST, feed=feed, before=access.settings if access else {})
    try:
        _configure(words, access)
    except DomainError as err:
        field = access_field(err, feed)
        form = typed_form(words, access=access, errors={field: err.message if field else str(err)})
        return _form(request, form, status=REFUSED)
    messages.success(request, _("The source is kept; it is asked at the next turn."))
    return to_page("sources")


@console_action
@permission_needed(MAY_CHANGE)
def switch(request: HttpRequest, access_id: int) -> HttpResponse:
    """On or off, as the form says."""
    access = _found(access_id)
    is_on = request.POST.get("enabled") == "on"
    done = tried(
        request,
        lambda: feed_access_configure(
            feed=Feed(access.feed),
            area=access.area,
            base_url=access.base_url,
            settings=access.settings,
            quota_per_day=access.quota_per_day,
            enabled=is_on,
        ),
    )
    if done is not None:
        words = _("The source is switched on.") if is_on else _("The source is switched off.")
        messages.success(request, words)
    return to_page("sources")


@console_action
@permission_needed(MAY_CHANGE)
def retry(request: HttpRequest, request_id: int) -> HttpResponse:
    """Ask again at the next turn."""
    if not FeedRequest.objects.filter(pk=request_id).exists():
        raise Http404
    feed_request_retry(request_id=request_id, now=utc_now())
    messages.success(request, _("It is asked for again at the next turn."))
    return to_page("sources")


def _configure(words: AccessWords, access: FeedAccess | None) -> None:
    quota = words.quota_per_day()
    if access is None and FeedAccess.objects.filter(feed=words.feed, area=words.area).exists():
        raise DomainError("market.area", _("This area is set up already."), field="area")
    feed_access_configure(
        feed=words.feed,
        area=access.area if access else words.area,
        base_url=words.base_url,
        token=words.token,
        settings=words.settings,
        quota_per_day=quota,
        enabled=words.enabled,
    )


def _feed(text: str) -> Feed:
    if text not in dict(askable_feeds()):
        raise Http404
    return Feed(text)


def _found(access_id: int) -> FeedAccess:
    found = FeedAccess.objects.exclude(feed=Feed.UPLOAD).filter(pk=access_id).first()
    if found is None:
        raise Http404
    return found


def _form(request: HttpRequest, form: AccessForm, *, status: int = 200) -> HttpResponse:
    response = render(request, "console/data_source.html", {"form": form}, status=status)
    response.headers["Cache-Control"] = "no-store"
    return response
