"""`POST /citrineos/answers/<order>/<token>/`: a station's answer to an order, from CitrineOS.

The body is the bare payload of the answer; which order it answers, and that it is really
CitrineOS's, is in the address that we gave with the order. It is good once.
"""

import hmac
import json
import uuid

from django.http import HttpRequest, HttpResponse, RawPostDataException
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from apps.chargers.choices import BackEnd
from apps.chargers.csms.citrineos.access import active_account, answer_token
from apps.chargers.csms.citrineos.orders import answer_take
from apps.chargers.models import Command

MAX_BYTES = 512_000


# CitrineOS has no session and no form: the token in the address is what it knows.
@csrf_exempt
@require_POST
def citrineos_answer(request: HttpRequest, order: uuid.UUID, token: str) -> HttpResponse:
    """204 when the answer was taken, 410 when the order had ended, 404 for a stranger."""
    account = active_account()
    # Compared before the order is looked for: a stranger learns nothing of what exists.
    if account is None or not hmac.compare_digest(
        answer_token(account, str(order)).encode(), token.encode()
    ):
        return HttpResponse("Not known.", status=404)
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdigit() or int(length) > MAX_BYTES:
        return HttpResponse("The answer is too large.", status=413)
    try:
        answer = json.loads(request.body)
    except (ValueError, RecursionError, RawPostDataException):
        return HttpResponse("The answer is not JSON.", status=400)
    if not isinstance(answer, dict):
        return HttpResponse("The answer is not an object.", status=400)
    command = (
        Command.objects.select_related("station")
        .filter(correlation_id=order, station__csms=BackEnd.CITRINEOS)
        .first()
    )
    if command is None:
        return HttpResponse("Not known.", status=404)
    taken = answer_take(command=command, answer=answer)
    return HttpResponse(status=204 if taken else 410)
