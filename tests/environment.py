"""The environment of a test run, set before Django reads its settings (pytest -p)."""

import os

TEST_DB = os.environ.get("CARIFLEX_TEST_DB", "cariflex")

os.environ["CARIFLEX_TESTING"] = "1"
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cariflex.settings")
os.environ.setdefault("DATABASE_URL", f"postgres://cariflex:cariflex@127.0.0.1:5902/{TEST_DB}")
os.environ.setdefault("REDIS_URL", "redis://127.0.0.1:5903/0")
os.environ.setdefault("CARIFLEX_FIELD_KEY", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")
# Tests run on one thread of Django's own; Playwright and asyncio keep a loop beside it.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
