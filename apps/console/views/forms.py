"""What pages with forms share: refusals as messages, amounts, days and numbers as people write."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import TypeVar

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from apps.console.refusals import refusal_words
from cariflex.common.errors import DomainError

T = TypeVar("T")


def allowed(request: HttpRequest, *permissions: str) -> None:
    """403 for who has not all of them."""
    if not request.user.has_perms(permissions):
        raise PermissionDenied


def tried(request: HttpRequest, act: Callable[[], T]) -> T | None:
    """Do it; a refusal becomes a message, and None."""
    try:
        return act()
    except DomainError as err:
        messages.error(request, refusal_words(err))
        return None


def to_page(name: str, *args: object) -> HttpResponse:
    """Back to a page of the console."""
    return HttpResponseRedirect(reverse(f"console:{name}", args=args))


def amount_of(text: str) -> Decimal | None:
    """`1 234,50` and `1234.5` alike; None for nothing. DomainError `payment.amount` otherwise."""
    plain = "".join(text.split()).replace("\u00a0", "").replace("\u202f", "").replace(",", ".")
    if not plain:
        return None
    try:
        value = Decimal(plain)
    except InvalidOperation as err:
        raise DomainError("payment.amount", "This is no amount.", field="amount") from err
    if not value.is_finite() or len(plain) > 20:
        raise DomainError("payment.amount", "This is no amount.", field="amount")
    return value


def day_of(text: str) -> date | None:
    """`2026-03-10`, None for anything else."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def key_of(text: str) -> int | None:
    """A row's key, None for anything else."""
    return int(text) if text.isdecimal() and len(text) < 19 else None


def page_number(request: HttpRequest) -> int:
    """Which page of a list, from 1."""
    return key_of(request.GET.get("page", "")) or 1
