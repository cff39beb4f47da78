"""Addresses at which partners want results: hostile input, checked when they arrive."""

from urllib.parse import urlsplit

from apps.ocpi.models import Partner
from apps.ocpi.wire import WireError
from cariflex.common.errors import ExternalError
from cariflex.common.http import HttpClient

FIELD = "response_url"


def response_url_check(partner: Partner, url: str, *, allow_loopback: bool) -> None:
    """WireError when a result would not be sent to this address.

    A hub passes on what its clients wrote: the token that opens the hub goes to the hub's own
    host only. The address is looked up again, and pinned, when the result is sent.
    """
    try:
        HttpClient("ocpi", allow_loopback=allow_loopback).check(url)
    except ExternalError as err:
        raise WireError(FIELD, err.message) from err
    if partner.is_hub and urlsplit(url).hostname not in _hosts(partner):
        raise WireError(FIELD, "must be at the hub's own host")


def _hosts(partner: Partner) -> set[str | None]:
    urls = [partner.versions_url, *partner.endpoints.values_list("url", flat=True)]
    return {urlsplit(url).hostname for url in urls if url}
