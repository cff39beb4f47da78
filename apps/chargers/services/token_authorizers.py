"""Asking what decides on tokens elsewhere, within the time that a station waits."""

import logging
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from django.conf import settings
from django.db import close_old_connections

from apps.chargers.ports import TokenAuthorizer, TokenDecision, TokenQuestion, token_authorizers
from apps.tenants.context import current_schema, operator_context

logger = logging.getLogger(__name__)

# Threads of our own: an authorizer that hangs holds these back and no station's thread.
_pool = ThreadPoolExecutor(8, thread_name_prefix="tokens")


@dataclass(slots=True)
class Asked:
    """What came of one question; `is_incomplete` when an authorizer was skipped on the way."""

    decision: TokenDecision | None = None
    is_incomplete: bool = False


def authorizers_ask(questions: Sequence[TokenQuestion]) -> list[Asked]:
    """The first decision on each question; each authorizer has its time budget for all of them."""
    asked = [Asked() for _question in questions]
    for authorizer in token_authorizers():
        undecided = [one for one, result in enumerate(asked) if result.decision is None]
        if not undecided:
            break
        _ask(authorizer, {one: questions[one] for one in undecided}, asked)
    return asked


def _ask(
    authorizer: TokenAuthorizer, questions: dict[int, TokenQuestion], asked: list[Asked]
) -> None:
    schema_name = current_schema()
    futures: dict[int, Future[TokenDecision | None]] = {
        one: _pool.submit(_answer, schema_name, authorizer, question)
        for one, question in questions.items()
    }
    wait(futures.values(), timeout=settings.AUTHORIZATION_BUDGET_S)
    for one, future in futures.items():
        # True for one that never began; one that still runs answers nobody.
        if future.cancel() or not future.done():
            reason = "slow"
        elif (error := future.exception()) is not None:
            reason = repr(error)
        else:
            asked[one].decision = future.result()
            continue
        asked[one].is_incomplete = True
        logger.warning(
            "token authorizer skipped operator=%s authorizer=%s station=%s reason=%s",
            schema_name,
            type(authorizer).__name__,
            questions[one].station_id,
            reason,
        )


def _answer(
    schema_name: str, authorizer: TokenAuthorizer, question: TokenQuestion
) -> TokenDecision | None:
    # A connection stays with its thread, as in requests: opening one costs more than the question.
    close_old_connections()
    try:
        with operator_context(schema_name):
            return authorizer.authorize(question)
    finally:
        close_old_connections()
