"""What `check --deploy` has to say about roaming."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register


@register(Tags.security, deploy=True)
def loopback_closed(**_kwargs: Any) -> list[CheckMessage]:
    """Partners must not make a deployment call itself."""
    if not settings.OCPI_LOOPBACK_ALLOWED:
        return []
    return [
        Error(
            "CARIFLEX_OCPI_ALLOW_LOOPBACK lets roaming partners have addresses of this machine.",
            hint="Unset it; it is for the demo and for trials (CARIFLEX_DEMO=1 sets it too).",
            id="ocpi.E001",
        )
    ]
