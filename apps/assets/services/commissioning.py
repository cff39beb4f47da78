"""A device on its way into service: address, model, live values, test write, in service.

Which step is open follows from the device and from what its gateway answered; nothing of it is
stored twice. A device whose address or model changes begins again: what was found out belongs to
the old one.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.utils.text import slugify

from apps.accounts.models import User
from apps.assets.choices import DeviceKind, DeviceStage, JobKind, JobStatus, Quantity
from apps.assets.drivers.registry import DriverChoice, driver_choices
from apps.assets.models import Device, GatewayJob, Sensor
from apps.assets.selectors.commissioning import device_jobs
from apps.assets.services.commissioning_steps import (
    UNRATED_KW,
    StepState,
    commissioning_steps,
    is_model_chosen,
    is_test_passed,
    models_found,
)
from apps.assets.services.device_stages import (
    device_lock,
    device_put_in_service,
    device_take_out_of_service,
)
from apps.assets.services.devices import device_save
from apps.assets.services.jobs import job_request
from apps.assets.services.networks import device_address_check
from cariflex.common.errors import DomainError

PLACEHOLDER_KIND = DeviceKind.PV
"""Its kind until then: the sensors of a PV plant are among those of every kind."""
ADDRESS_FIELDS = ("host", "port", "unit_id", "transport")
IDENTITY_FIELDS = (
    "driver_version",
    "manufacturer",
    "model_name",
    "serial_number",
    "sunspec_models",
)
MOST_PROBES = 200
"""How many devices are probed at once from the list."""
READS_KEPT = 2


def device_code_propose(name: str) -> str:
    """A free code made of the device's name."""
    base = slugify(name)[:50].strip("-_") or "device"
    taken = set(Device.objects.filter(code__startswith=base).values_list("code", flat=True))
    numbered = (f"{base}-{number}" for number in range(2, len(taken) + 3))
    return base if base not in taken else next(code for code in numbered if code not in taken)


def device_add(*, device: Device) -> Device:
    """A new device of which only site, name and address are known. Raises DomainError.

    Its kind and rated power are placeholders until its model is chosen; it is read only.
    """
    device_address_check(device.host)
    device.code = device.code or device_code_propose(device.name)
    device.stage, device.control_enabled = DeviceStage.NEW, False
    device.kind, device.rated_power_kw = PLACEHOLDER_KIND, UNRATED_KW
    return device_save(device=device)


def device_edit(*, device: Device) -> bool:
    """Store a device that was edited and checked; True when it must be commissioned again.

    Another address or model is another device: it is new again, and nothing is written to it
    before it was tried and put in service. Raises DomainError as `device_address_check` and
    `control_check`.
    """
    control_check(device=device)
    if not Device.objects.filter(pk=device.pk, host=device.host).exists():
        device_address_check(device.host)
    with transaction.atomic():
        before = device_lock(device.pk)
        has_moved = any(getattr(device, f) != getattr(before, f) for f in ADDRESS_FIELDS)
        is_other = has_moved or device.driver != before.driver
        stage = before.stage
        if is_other and stage == DeviceStage.IN_SERVICE:
            # Ends its set-points too.
            device_take_out_of_service(before)
        device.stage = DeviceStage.NEW if is_other else stage
        device_save(device=device)
        if is_other:
            _forget_identity(device)
    return is_other and stage != DeviceStage.NEW


def control_check(*, device: Device) -> None:
    """Raise DomainError `commissioning.control_untried` when control is switched on in service.

    A device that went in service read only is taken out of service, tried and put back.
    """
    before = Device.objects.filter(pk=device.pk).first()
    if before is None or before.stage != DeviceStage.IN_SERVICE:
        return
    is_switched_on = device.control_enabled and not before.control_enabled
    if is_switched_on and not is_test_passed(before, device_jobs(before)):
        raise DomainError(
            "commissioning.control_untried", "no test write passed", field="control_enabled"
        )


def _forget_identity(device: Device) -> None:
    for field in IDENTITY_FIELDS:
        setattr(device, field, 0 if field == "driver_version" else "")
    device.shard = None
    device.save(update_fields=[*IDENTITY_FIELDS, "shard"])


def device_address_change(
    *, device_id: int, host: str, port: int, unit_id: int, transport: str
) -> bool:
    """Ask the device at another address from now on; True when it must be commissioned again.

    Raises DomainError, ValidationError.
    """
    with transaction.atomic():
        device = device_lock(device_id)
        device.host, device.port, device.unit_id, device.transport = host, port, unit_id, transport
        device.full_clean()
        return device_edit(device=device)


def job_ask(
    *,
    device_id: int,
    kind: str,
    requested_by: User | None,
    parameters: Mapping[str, Any] | None = None,
) -> GatewayJob:
    """Ask the device's gateway once; one that is not answered yet is given instead of a second.

    A read, which is asked again and again, waits for whatever else is under way. Raises
    DomainError as `job_request`, and `commissioning.model_missing` for a read or a test write
    before the model is chosen.
    """
    with transaction.atomic():
        # Locked: two clicks ask once.
        device = device_lock(device_id)
        is_known = device.stage == DeviceStage.IN_SERVICE or is_model_chosen(device)
        if kind in (JobKind.READ, JobKind.TEST_WRITE) and not is_known:
            raise DomainError("commissioning.model_missing", "the model is not chosen")
        waiting = device_jobs(device).waiting
        if kind in waiting:
            return waiting[kind]
        if kind == JobKind.READ:
            if waiting:
                return next(iter(waiting.values()))
            _reads_forget(device)
        try:
            return job_request(
                kind=kind,
                requested_by=requested_by,
                device=device,
                parameters={"driver": device.driver, **(parameters or {})},
            )
        except DomainError as error:
            # Raised behind the transaction: the row of a refused set-point is kept.
            refusal = error
    raise refusal


def _reads_forget(device: Device) -> None:
    """Live values are asked every second or two: only the newest answers are kept."""
    reads = GatewayJob.objects.filter(device=device, kind=JobKind.READ)
    kept = list(reads.order_by("-id").values_list("pk", flat=True)[:READS_KEPT])
    reads.exclude(pk__in=kept).filter(status__in=(JobStatus.DONE, JobStatus.FAILED)).delete()


def probes_ask(*, device_ids: Sequence[int], requested_by: User | None) -> list[GatewayJob]:
    """Probe many devices, each once; those with a refused address are left out.

    Raises DomainError `commissioning.too_many`.
    """
    if len(device_ids) > MOST_PROBES:
        raise DomainError("commissioning.too_many", f"at most {MOST_PROBES} devices at once")
    jobs: list[GatewayJob] = []
    for device_id in sorted(device_ids):
        try:
            jobs.append(job_ask(device_id=device_id, kind=JobKind.PROBE, requested_by=requested_by))
        except DomainError:
            continue
    return jobs


def model_choose(
    *,
    device_id: int,
    driver: str,
    kind: str,
    rated_power_kw: float,
    capacity_kwh: float | None,
    control_enabled: bool,
) -> Device:
    """Say what the device is: a model that the last probe found, or one chosen by hand.

    Raises DomainError: `commissioning.in_service`, `commissioning.driver_unknown`,
    `commissioning.kind_other`, `commissioning.no_control`, `commissioning.capacity_missing`;
    ValidationError for ratings out of range.
    """
    with transaction.atomic():
        device = device_lock(device_id)
        if device.stage == DeviceStage.IN_SERVICE:
            raise DomainError("commissioning.in_service", "take it out of service first")
        found = _found_or_offered(device, driver)
        _choice_check(found, kind=kind, control_enabled=control_enabled)
        if kind == DeviceKind.BATTERY and not capacity_kwh:
            raise DomainError(
                "commissioning.capacity_missing", "a battery needs one", field="capacity_kwh"
            )
        device.stage, device.driver, device.kind = DeviceStage.NEW, driver, kind
        device.rated_power_kw = rated_power_kw
        device.capacity_kwh = capacity_kwh if kind == DeviceKind.BATTERY else None
        device.control_enabled = control_enabled
        if kind != DeviceKind.METER:
            device.is_grid_meter = False
        device.full_clean()
        _identity_set(device, found)
        device_save(device=device)
        device.save(update_fields=IDENTITY_FIELDS)
        _sensors_add(device, found)
    return device


def _found_or_offered(device: Device, driver: str) -> dict[str, Any]:
    found = models_found(device_jobs(device).newest.get(JobKind.PROBE))
    for entry in found:
        if entry["driver"] == driver:
            return entry
    for choice in driver_choices():
        if choice.name == driver:
            return _offered(choice)
    raise DomainError("commissioning.driver_unknown", f"no device model {driver}", field="driver")


def _offered(choice: DriverChoice) -> dict[str, Any]:
    """A model that nobody recognised but a person chose: nothing is known but its name."""
    return {
        "driver": choice.name,
        "driver_version": choice.version,
        "manufacturer": choice.vendor,
        "model_name": choice.model,
        "kinds": list(choice.kinds),
        "can_control": choice.can_control,
    }


def _choice_check(found: Mapping[str, Any], *, kind: str, control_enabled: bool) -> None:
    if found.get("kinds") and kind not in found["kinds"]:
        raise DomainError("commissioning.kind_other", "the model is of another kind", field="kind")
    if control_enabled and (kind == DeviceKind.METER or not found.get("can_control")):
        raise DomainError(
            "commissioning.no_control", "the model cannot be controlled", field="control_enabled"
        )


def _identity_set(device: Device, found: Mapping[str, Any]) -> None:
    device.driver_version = int(found.get("driver_version") or 0)
    device.manufacturer = str(found.get("manufacturer") or found.get("vendor") or "")[:32]
    device.manufacturer = device.manufacturer or device.driver[:32]
    device.model_name = str(found.get("model_name") or found.get("model") or "")[:32]
    device.serial_number = str(found.get("serial_number") or "")[:32]
    device.sunspec_models = str(found.get("models") or "")[:200]


def _sensors_add(device: Device, found: Mapping[str, Any]) -> None:
    Sensor.objects.bulk_create(
        [
            Sensor(
                device=device,
                quantity=sensor["quantity"],
                channel=sensor["channel"],
                unit=Quantity(sensor["quantity"]).unit,
            )
            for sensor in found.get("sensors", [])
            if sensor["quantity"] in Quantity.values
        ],
        ignore_conflicts=True,
    )


def device_commission(
    *, device_id: int, commissioned_by: User | None, is_read_only: bool = False
) -> Device:
    """Put a device in service: it is polled from now on, and controlled if that was tried.

    `is_read_only` switches its control off first. Raises DomainError
    `commissioning.step_missing` with the step as its field.
    """
    with transaction.atomic():
        device = device_lock(device_id)
        if is_read_only and device.control_enabled:
            device.control_enabled = False
            device.save(update_fields=["control_enabled"])
        for step in commissioning_steps(device, device_jobs(device)):
            if step.key != "service" and step.state in (StepState.OPEN, StepState.LOCKED):
                raise DomainError(
                    "commissioning.step_missing", f"{step.key} comes first", field=step.key
                )
        return device_put_in_service(device, commissioned_by)


def device_withdraw(*, device_id: int, withdrawn_by: User | None) -> Device:
    """Take a device out of service; see `device_take_out_of_service`.

    Raises DomainError `commissioning.not_in_service`.
    """
    with transaction.atomic():
        device = device_lock(device_id)
        if device.stage != DeviceStage.IN_SERVICE:
            raise DomainError("commissioning.not_in_service", "it is not in service")
        return device_take_out_of_service(device, withdrawn_by)
