"""Keyset pages: each page continues after the key of the last row, so rows in between stay put.

An offset would show a row twice, or never, when others are inserted while somebody turns pages.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from rest_framework.request import Request

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some rows in order; `next_after` is the key to continue after, None on the last page."""

    rows: Sequence[T]
    next_after: Any


def page_of(rows: Sequence[T], limit: int, key: Callable[[T], Any]) -> Page[T]:
    """The page of `rows`, of which one more than `limit` was asked for."""
    if len(rows) <= limit:
        return Page(rows, None)
    kept = rows[:limit]
    return Page(kept, key(kept[-1]))


def next_url(request: Request, page: Page[Any], render: Callable[[Any], str] = str) -> str | None:
    """The address of the next page: this one's, continued."""
    if page.next_after is None:
        return None
    query = request.query_params.copy()
    query["after"] = render(page.next_after)
    return request.build_absolute_uri(f"{request.path}?{query.urlencode()}")
