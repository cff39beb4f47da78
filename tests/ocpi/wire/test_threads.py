"""Many threads that read a kind for the first time at once."""

import subprocess
import sys

import pytest

FIRST_READS = """
import sys, threading
import tests.environment
import django
django.setup()
from apps.ocpi.wire import convert, decode, decode_patch
from tests.ocpi.incoming import objects
import json

content = objects.location("L1")
text = json.dumps(content).encode()
told = json.dumps({"name": "Quay", "last_updated": "2026-03-10T10:00:00Z"}).encode()
ways = (
    lambda: decode("2.2.1", "Location", text),
    lambda: convert("2.2.1", "Location", content),
    lambda: decode_patch("2.2.1", "Location", told),
)
gate, done = threading.Barrier(9), []

def read(way):
    gate.wait()
    done.append(way())

sys.setswitchinterval(1e-6)
threads = [threading.Thread(target=read, args=(ways[number % 3],)) for number in range(9)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
sys.exit(0 if len(done) == 9 else 1)
"""


@pytest.mark.parametrize("_turn", range(2))
def test_first_reads_at_once_crash_nothing(_turn: int) -> None:
    """msgspec 0.22 crashes two processes in three so when the decoders are not made one by one."""
    done = subprocess.run(
        [sys.executable, "-c", FIRST_READS], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
