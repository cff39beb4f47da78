"""Where the FlexMeasures of ./run keeps its jobs."""

import pytest

from cariflex.runtime.flexmeasures import redis_settings

PRODUCT = {"REDIS_URL": "redis://:secret@127.0.0.1:5003/0"}


def test_its_jobs_lie_in_a_database_of_their_own_of_the_products_redis(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("FLEXMEASURES_REDIS_URL", raising=False)

    assert redis_settings(PRODUCT) == {
        "FLEXMEASURES_REDIS_URL": "127.0.0.1",
        "FLEXMEASURES_REDIS_PORT": 5003,
        "FLEXMEASURES_REDIS_DB_NR": 1,
        "FLEXMEASURES_REDIS_PASSWORD": "secret",
    }


@pytest.mark.parametrize(("path", "number"), [("", 0), ("/", 0), ("/4", 4)])
def test_a_redis_of_its_own(monkeypatch: pytest.MonkeyPatch, path: str, number: int) -> None:
    monkeypatch.setenv("FLEXMEASURES_REDIS_URL", f"redis://:other@redis.example:6380{path}")

    assert redis_settings(PRODUCT) == {
        "FLEXMEASURES_REDIS_URL": "redis.example",
        "FLEXMEASURES_REDIS_PORT": 6380,
        "FLEXMEASURES_REDIS_DB_NR": number,
        "FLEXMEASURES_REDIS_PASSWORD": "other",
    }
