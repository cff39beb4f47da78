"""Calls at a steady pace, and how long they took."""

import contextlib
import http.client
import itertools
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

THREADS = 16
LIMIT_S = 20.0


@dataclass
class Load:
    """What came of calls; times are in ms, from the instant a call was due to its whole answer."""

    rate: float
    times_ms: list[float] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    took_s: float = 0.0

    def percentile(self, percent: float) -> float:
        """The time within which so many of 100 calls were answered."""
        return percentile(self.times_ms, percent)

    def row(self, what: str, wanted_p95_ms: float) -> dict[str, object]:
        """A row of a table; `met` needs every call to have been answered well."""
        p95 = self.percentile(95)
        is_met = bool(self.times_ms) and not self.faults and p95 < wanted_p95_ms
        return {
            "what": what,
            "asked/s": f"{self.rate:g}" if self.rate else "-",
            "done/s": f"{len(self.times_ms) / self.took_s:.1f}",
            "calls": len(self.times_ms),
            "p50 (ms)": f"{self.percentile(50):.1f}",
            "p95 (ms)": f"{p95:.1f}",
            "p99 (ms)": f"{self.percentile(99):.1f}",
            "not well": len(self.faults),
            "wanted p95": f"< {wanted_p95_ms:g}",
            "met": "yes" if is_met else "NO",
        }


def percentile(times: Sequence[float], percent: float) -> float:
    """The smallest of the times that so many of 100 do not exceed; infinite without any."""
    ranked = sorted(times)
    if not ranked:
        return float("inf")
    return ranked[max(0, -(-len(ranked) * int(percent * 10) // 1000) - 1)]


def paced(
    call: Callable[[int], object],
    *,
    rate: float,
    seconds: float,
    within: Callable[[], contextlib.AbstractContextManager[object]] = contextlib.nullcontext,
    threads: int = THREADS,
) -> Load:
    """Call so often a second, whether or not earlier calls were answered.

    A call that had to wait for a free thread counts from when it was due. `within` is entered by
    each thread. What a call raises is a fault and has no time.
    """
    load = Load(rate)
    numbers, total = itertools.count(), int(rate * seconds)
    begin = time.perf_counter() + 0.05

    def work() -> None:
        with within():
            for number in numbers:
                if number >= total:
                    return
                due = begin + number / rate
                time.sleep(max(0.0, due - time.perf_counter()))
                try:
                    call(number)
                # Whatever went wrong, the load goes on; it is counted.
                except Exception as err:  # noqa: BLE001
                    load.faults.append(repr(err))
                else:
                    load.times_ms.append((time.perf_counter() - due) * 1000)

    _run([threading.Thread(target=work) for _thread in range(threads)])
    load.took_s = time.perf_counter() - begin
    return load


def one_by_one(call: Callable[[int], object], *, seconds: float, least: int) -> Load:
    """Call again as soon as the call before was answered, at least so often."""
    load = Load(0.0)
    begin = time.perf_counter()
    while len(load.times_ms) < least or time.perf_counter() - begin < seconds:
        started = time.perf_counter()
        call(len(load.times_ms))
        load.times_ms.append((time.perf_counter() - started) * 1000)
    load.took_s = time.perf_counter() - begin
    return load


def _run(threads: Sequence[threading.Thread]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


class Links(threading.local):
    """One kept-alive HTTP connection of each thread to a port of this machine."""

    def __init__(self, port: int) -> None:
        self.link = http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT_S)

    def ask(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        """Status, headers and body of the answer; an error closes the connection."""
        try:
            self.link.request(method, path, body=body, headers=dict(headers))
            reply = self.link.getresponse()
            return reply.status, reply.headers, reply.read()
        except (OSError, http.client.HTTPException):
            self.link.close()
            raise
