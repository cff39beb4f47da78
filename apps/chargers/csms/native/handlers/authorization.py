"""Block C: may this token charge here?"""

from typing import Any

from apps.chargers.csms.native.link import StationLink
from apps.chargers.csms.native.registry import handles
from apps.chargers.ocpp.frames import Frame
from apps.chargers.ocpp.v201 import mapping
from apps.chargers.ocpp.v201.id_tokens import id_token_info
from apps.chargers.ports import TokenDecision, TokenQuestion
from apps.chargers.services import (
    local_lists,  # noqa: F401 - it registers what it does with answers
    token_authorize,
)
from apps.chargers.services.cost_display import decision_with_price
from cariflex.common.time import utc_now


@handles("Authorize")
async def authorize(link: StationLink, frame: Frame) -> dict[str, Any]:
    """C01 to C07; with the price for stations that show it (I01)."""
    shown = mapping.token_shown(frame.payload)
    question = TokenQuestion(shown.id_token, shown.token_type, link.station_id, utc_now())

    def decided() -> TokenDecision:
        decision = token_authorize(question)
        return decision_with_price(
            decision,
            station_pk=link.station_pk,
            now=question.now,
            id_token=question.id_token,
        )

    return {"idTokenInfo": id_token_info(await link.store(decided))}
