"""What each part of the commissioning page shows, and when it has to be shown anew."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest

from apps.assets.admin.commissioning_words import (
    STATE_WORDS,
    STEP_TITLES,
    job_error,
    kind_words,
    meaning,
    model_words,
    sensor_words,
    tried_words,
)
from apps.assets.choices import DeviceStage, JobKind, JobStatus
from apps.assets.drivers.registry import driver_choice
from apps.assets.models import Device, GatewayJob
from apps.assets.selectors.commissioning import DeviceJobs
from apps.assets.services.commissioning_steps import (
    StepState,
    commissioning_steps,
    is_model_chosen,
    models_found,
    write_verdict,
)
from cariflex.common.time import utc_now

PARTS = {
    "steps": "admin/assets/parts/steps.html",
    "address": "admin/assets/parts/address.html",
    "model": "admin/assets/parts/model.html",
    "reading": "admin/assets/parts/reading.html",
    "values": "admin/assets/parts/values.html",
    "test": "admin/assets/parts/test.html",
    "service": "admin/assets/parts/service.html",
}


@dataclass(frozen=True, slots=True)
class PartValues:
    """Everything the parts show; `keys` are what each part depends on."""

    context: dict[str, Any]
    keys: Mapping[str, str]
    found: list[dict[str, Any]]
    is_pending: bool
    is_live: bool


def part_values(request: HttpRequest, device: Device, jobs: DeviceJobs) -> PartValues:
    """The page as it stands now."""
    steps = commissioning_steps(device, jobs)
    states = {step.key: step.state for step in steps}
    current = next((step.key for step in steps if step.state == StepState.OPEN), "")
    newest, found = jobs.newest, models_found(jobs.newest.get(JobKind.PROBE))
    read = jobs.done.get(JobKind.READ)
    if read is not None and read.parameters.get("driver") != device.driver:
        read = None
    points = _points(read)
    sensors = [point for point in points if point["quantity"]]
    is_modelled = states["model"] == StepState.DONE
    may_change = bool(request.user.has_perm("assets.change_device"))
    context = {
        "device": device,
        "states": {key: state.value for key, state in states.items()},
        "current": current,
        "steps": [
            {
                "number": step.number,
                "key": step.key,
                "state": step.state.value,
                "title": STEP_TITLES[step.key],
                "words": STATE_WORDS[step.state],
                "is_current": step.key == current,
            }
            for step in steps
        ],
        "may_change": may_change,
        "may_test": may_change and request.user.has_perm("assets.add_setpoint"),
        "is_in_service": device.stage == DeviceStage.IN_SERVICE,
        "is_modelled": is_modelled,
        "is_chosen": is_model_chosen(device),
        "probe": _job_shown(newest.get(JobKind.PROBE)),
        "found": [_found_shown(entry) for entry in found],
        "tried": _tried(newest.get(JobKind.PROBE)),
        "reading": _job_shown(newest.get(JobKind.READ)),
        # The sensors first: they are what a person compares with the device's display.
        "points": sensors or points,
        "other_points": [point for point in points if not point["quantity"]] if sensors else [],
        "read_at": read.finished_at if read else None,
        "age_s": _age_s(read, utc_now()),
        "test_job": _job_shown(newest.get(JobKind.TEST_WRITE)),
        "test_result": _test_result(newest.get(JobKind.TEST_WRITE), device),
        "can_commission": states["service"] == StepState.OPEN,
        "can_go_read_only": states["values"] == StepState.DONE
        and device.stage != DeviceStage.IN_SERVICE
        and device.control_enabled,
    }
    return PartValues(
        context=context,
        keys=_keys(device, jobs, states, read),
        found=found,
        is_pending=bool(jobs.waiting),
        is_live=is_modelled and may_change,
    )


def _keys(
    device: Device, jobs: DeviceJobs, states: Mapping[str, StepState], read: GatewayJob | None
) -> dict[str, str]:
    def of(kind: str) -> str:
        job = jobs.newest.get(kind)
        return f"{job.pk} {job.status}" if job else ""

    stages = " ".join(f"{key}={state}" for key, state in states.items())
    stage = f"{device.stage} {device.driver} {device.control_enabled}"
    return {
        "steps": stages,
        "address": f"{device.gateway} {device.unit_id} {device.transport}",
        "model": f"{of(JobKind.PROBE)} {states['model']} {stage} {device.rated_power_kw}",
        "reading": of(JobKind.READ) + states["values"],
        "values": f"{read.pk if read else ''} {states['values']}",
        "test": f"{of(JobKind.TEST_WRITE)} {states['test']} {stage}",
        "service": f"{stages} {stage}",
    }


def _job_shown(job: GatewayJob | None) -> dict[str, Any] | None:
    if job is None:
        return None
    return {
        "status": job.status,
        "words": job.get_status_display(),
        "is_pending": job.status in (JobStatus.QUEUED, JobStatus.RUNNING),
        "is_failed": job.status == JobStatus.FAILED,
        "error": job_error(job.error) if job.error else "",
        "requested_at": job.requested_at,
        "requested_by": job.requested_by,
    }


def _found_shown(entry: dict[str, Any]) -> dict[str, Any]:
    name = " ".join(
        dict.fromkeys(
            word
            for word in (
                entry.get("manufacturer") or entry.get("vendor"),
                entry.get("model_name") or entry.get("model"),
            )
            if word
        )
    )
    choice = driver_choice(entry["driver"])
    return {
        "driver": entry["driver"],
        "name": name or entry["driver"],
        "is_sunspec": entry["driver"] == "sunspec",
        "serial_number": entry.get("serial_number"),
        "models": entry.get("models"),
        "version": entry.get("driver_version"),
        "model": model_words(choice) if choice is not None else entry["driver"],
        "kinds": kind_words(entry.get("kinds", [])),
        "is_tried": entry.get("tried_on") == "hardware",
        "tried": tried_words(entry.get("tried_on") or ""),
        "sensors": [
            sensor_words(sensor["quantity"], sensor["channel"])
            for sensor in entry.get("sensors", [])
        ],
        "can_control": entry.get("can_control"),
    }


def _tried(job: GatewayJob | None) -> list[dict[str, str]]:
    if job is None or job.answer is None:
        return []
    return [
        {"driver": entry["driver"], "error": job_error(entry["error"])}
        for entry in job.answer.get("tried", [])
    ]


def _points(read: GatewayJob | None) -> list[dict[str, Any]]:
    """What was read, as it is shown."""
    if read is None or read.answer is None:
        return []
    return [
        {
            **point,
            "label": sensor_words(point["quantity"], point["channel"])
            if point["quantity"]
            else point["name"],
            "hex": " ".join(f"{register:04X}" for register in point["registers"]),
            "meaning": meaning(point["words"]),
        }
        for point in read.answer.get("points", [])
    ]


def _age_s(read: GatewayJob | None, now: datetime) -> float | None:
    if read is None or read.finished_at is None:
        return None
    return max(0.0, round((now - read.finished_at).total_seconds(), 1))


def _test_result(job: GatewayJob | None, device: Device) -> dict[str, Any] | None:
    if job is None or job.status != JobStatus.DONE or job.answer is None:
        return None
    return {
        **job.answer,
        "verdict": write_verdict(job.answer, rated_power_kw=device.rated_power_kw),
    }
