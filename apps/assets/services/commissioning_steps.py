"""Where a device stands on its way into service, by what it is and what its gateway answered.

Pure: nothing of it is stored, and nothing here asks the database.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from apps.assets.choices import DeviceKind, DeviceStage, JobKind, JobStatus
from apps.assets.models import Device, GatewayJob
from apps.assets.selectors.commissioning import DeviceJobs

UNRATED_KW = 0.001
"""The rated power of a device whose model is not chosen yet: the least that the table allows."""
TEST_SHARE = 0.05
"""A test write moves the power by this share of the rated power, unless another is asked."""
TEST_REVERSION_S = 10
LONGEST_TEST_REVERSION_S = 30
READ_BACK_SHARE = 0.005
LEAST_READ_BACK_KW = 0.05
"""A read-back that is this near to what was asked is the same."""


class StepState(StrEnum):
    """Where one step stands."""

    DONE = "done"
    OPEN = "open"
    LOCKED = "locked"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Step:
    """One of the five steps: `address`, `model`, `values`, `test`, `service`."""

    number: int
    key: str
    state: StepState


@dataclass(frozen=True, slots=True)
class WriteVerdict:
    """Whether a device did what a test write asked, and let go of it by itself."""

    is_enabled: bool
    is_read_back: bool
    is_released: bool

    @property
    def is_passed(self) -> bool:
        return self.is_enabled and self.is_read_back and self.is_released


def commissioning_steps(device: Device, jobs: DeviceJobs) -> tuple[Step, ...]:
    """The steps in their order; the first that is open is the one to do."""
    in_service = device.stage == DeviceStage.IN_SERVICE
    is_modelled = in_service or is_model_chosen(device)
    is_read = is_modelled and _is_answer_of(jobs.done.get(JobKind.READ), device)
    model = StepState.DONE if is_modelled else StepState.OPEN
    values = _state(is_done=is_read, is_unlocked=is_modelled)
    if not device.control_enabled:
        test = StepState.SKIPPED
    else:
        test = _state(is_done=is_test_passed(device, jobs), is_unlocked=is_read or in_service)
    is_ready = is_read and test in (StepState.DONE, StepState.SKIPPED)
    service = _state(is_done=in_service, is_unlocked=is_ready)
    states = (StepState.DONE, model, values, test, service)
    keys = ("address", "model", "values", "test", "service")
    return tuple(
        Step(number, key, state)
        for number, (key, state) in enumerate(zip(keys, states, strict=True), start=1)
    )


def _state(*, is_done: bool, is_unlocked: bool) -> StepState:
    if is_done:
        return StepState.DONE
    return StepState.OPEN if is_unlocked else StepState.LOCKED


def is_model_chosen(device: Device) -> bool:
    """Whether somebody chose what the device is, with its ratings."""
    return bool(device.manufacturer) and device.rated_power_kw > UNRATED_KW


def _is_answer_of(job: GatewayJob | None, device: Device) -> bool:
    """Whether a job's answer is about the model that the device has now."""
    return job is not None and job.parameters.get("driver") == device.driver


def is_test_passed(device: Device, jobs: DeviceJobs) -> bool:
    """Whether the newest test write of this device and model did all it should."""
    job = jobs.newest.get(JobKind.TEST_WRITE)
    if job is None or job.status != JobStatus.DONE or not _is_answer_of(job, device):
        return False
    return write_verdict(job.answer or {}, rated_power_kw=device.rated_power_kw).is_passed


def write_verdict(answer: Mapping[str, Any], *, rated_power_kw: float) -> WriteVerdict:
    """What a test write's answer says."""
    asked, readback = answer.get("asked_kw"), answer.get("readback_kw")
    tolerance_kw = max(LEAST_READ_BACK_KW, READ_BACK_SHARE * rated_power_kw)
    return WriteVerdict(
        is_enabled=bool(answer.get("is_enabled")),
        is_read_back=(
            asked is not None and readback is not None and abs(readback - asked) <= tolerance_kw
        ),
        is_released=bool(answer.get("is_released")),
    )


def proposed_test_kw(device: Device) -> float:
    """A power that is safe to try: it moves the device by 5 % of its rated power at most.

    A battery charges with 5 %. A PV plant is limited to 95 %: a limit near 0 would take its whole
    production from the grid at once.
    """
    if device.kind == DeviceKind.BATTERY:
        return _significant(TEST_SHARE * device.rated_power_kw)
    return -_significant((1 - TEST_SHARE) * device.rated_power_kw)


def _significant(power_kw: float) -> float:
    """Three significant figures: what a person would type."""
    digits = 2 - math.floor(math.log10(power_kw)) if power_kw > 0 else 0
    return round(power_kw, digits)


def models_found(job: GatewayJob | None) -> list[dict[str, Any]]:
    """The device models that a probe recognised."""
    if job is None or job.status != JobStatus.DONE or job.answer is None:
        return []
    return list(job.answer.get("found", []))
