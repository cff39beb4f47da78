"""Bank statements: chosen, previewed, imported, looked through."""

import secrets
from dataclasses import replace
from typing import TypedDict

from django.contrib import messages
from django.core.cache import cache
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.billing.choices import BankLineState
from apps.billing.services.payments_import import (
    ImportOptions,
    bank_line_take,
    statement_import,
    statement_preview,
)
from apps.billing.statements import CSV_FIELDS, StatementProblem, csv_headers, format_guess
from apps.billing.statements.model import MOST_BYTES
from apps.console.refusals import refusal_words
from apps.console.viewmodels.payment_statements import (
    MAY_IMPORT,
    MAY_SEE,
    PREVIEW_SHOWN,
    ImportPage,
    column_choices,
    counts_of_preview,
    import_page,
    is_other_account,
    lines_of_preview,
    statement_page,
)
from apps.console.views.access import console_action, console_view, permission_needed
from apps.console.views.forms import allowed, page_number, to_page, tried
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now

HELD_S = 3600
"""How long a file waits between its preview and its import."""
REFUSED = 422


class Held(TypedDict):
    """A file that was previewed."""

    name: str
    content: bytes


@console_view
@permission_needed(MAY_SEE)
def statements(request: HttpRequest) -> HttpResponse:
    """The form, and what was imported."""
    page = import_page(request.user)  # type: ignore[arg-type]
    return render(request, "console/payments_statements.html", {"page_of": page})


@console_action
def preview(request: HttpRequest) -> HttpResponse:
    """What the file says and what would become of each line; nothing is imported."""
    allowed(request, MAY_IMPORT)
    page = import_page(request.user)  # type: ignore[arg-type]
    try:
        held, name, content = _file(request)
        shown = _previewed(request, page, held, name, content)
    except DomainError as err:
        shown = replace(page, refusal=refusal_words(err))
    status = REFUSED if shown.preview is None else 200
    return render(request, "console/payments_statements.html", {"page_of": shown}, status=status)


@console_action
def take(request: HttpRequest) -> HttpResponse:
    """Import the file that was previewed; twice is once."""
    allowed(request, MAY_IMPORT)

    def act() -> int:
        _held, name, content = _file(request)
        statement = statement_import(
            content=content,
            file_name=name,
            options=_options(request),
            now=utc_now(),
            by_id=request.user.pk,
        )
        words = ngettext(
            "%(count)d payment is recorded from this statement.",
            "%(count)d payments are recorded from this statement.",
            statement.taken_count,
        )
        messages.success(request, words % {"count": statement.taken_count})
        return statement.pk

    statement_id = tried(request, act)
    if statement_id is None:
        return to_page("payments-statements")
    return to_page("payments-statement", statement_id)


@console_view
@permission_needed(MAY_SEE)
def statement(request: HttpRequest, statement_id: int) -> HttpResponse:
    """An imported statement with what became of each line."""
    state = request.GET.get("state", "")
    page = statement_page(
        statement_id=statement_id,
        state=state if state in BankLineState.values else "",
        page=page_number(request),
        user=request.user,  # type: ignore[arg-type]
    )
    if page is None:
        raise Http404
    return render(request, "console/payments_statement.html", {"page_of": page})


@console_action
def line_take(request: HttpRequest, line_id: int) -> HttpResponse:
    """Record the payment of a line that was left aside."""
    allowed(request, "billing.add_payment")
    made = tried(request, lambda: bank_line_take(line_id=line_id, by_id=request.user.pk))
    if made is None:
        return to_page("payments-statements")
    messages.success(request, _("The payment is recorded."))
    return to_page("payments-detail", made.pk)


def _file(request: HttpRequest) -> tuple[str, str, bytes]:
    """The file that was sent, or the one that waits since its preview: its key, name and bytes."""
    upload = request.FILES.get("file")
    if upload is not None:
        if (upload.size or 0) > MOST_BYTES:
            raise DomainError("statement.too_large", "At most 10 MB.", field="file")
        held: Held = {"name": str(upload.name or "")[:200], "content": upload.read()}
        key = secrets.token_urlsafe(24)
        cache.set(_key(request, key), held, HELD_S)
        return key, held["name"], held["content"]
    key = request.POST.get("held", "")[:64]
    waiting: Held | None = cache.get(_key(request, key)) if key else None
    if waiting is None:
        raise DomainError("statement.gone", "Choose the file again.", field="file")
    return key, waiting["name"], waiting["content"]


def _previewed(
    request: HttpRequest, page: ImportPage, key: str, name: str, content: bytes
) -> ImportPage:
    options = _options(request)
    is_csv = format_guess(content) == "csv"
    page = replace(
        page,
        held=key,
        file_name=name,
        is_csv=is_csv,
        with_outgoing=options.with_outgoing,
        is_month_first=options.is_month_first,
    )
    if is_csv:
        try:
            page = replace(
                page,
                headers=tuple(csv_headers(content)),
                columns=column_choices(content, dict(options.columns)),
            )
        except StatementProblem as err:
            raise DomainError(err.code, err.message, field=err.field) from err
    try:
        found = statement_preview(content=content, options=options)
    except DomainError as err:
        # The columns stand there to be chosen.
        return replace(page, refusal=refusal_words(err))
    return replace(
        page,
        preview=found,
        lines=lines_of_preview(found),
        counts=counts_of_preview(found),
        is_cut=len(found.states) > PREVIEW_SHOWN,
        is_other_account=is_other_account(found.statement.iban),
    )


def _options(request: HttpRequest) -> ImportOptions:
    columns = {
        field: header
        for field in CSV_FIELDS
        if (header := request.POST.get(f"column_{field}", "").strip())
    }
    return ImportOptions(
        columns=columns,
        currency=request.POST.get("currency", "").strip().upper() or "EUR",
        is_month_first=request.POST.get("is_month_first") == "1",
        with_outgoing=request.POST.get("with_outgoing") == "1",
    )


def _key(request: HttpRequest, key: str) -> str:
    """Of the one who chose the file; the cache's keys carry the operator."""
    return f"billing.statement.held:{request.user.pk}:{key}"
