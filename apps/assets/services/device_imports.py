"""Lists of devices: checked line by line, kept as they came, stored when a person says so."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import IntegrityError, transaction

from apps.accounts.models import User
from apps.assets.choices import DeviceKind, DeviceStage, ImportLineStatus, ImportStatus
from apps.assets.drivers.registry import driver_names
from apps.assets.models import Device, DeviceImport, DeviceImportLine, Sensor, Site
from apps.assets.services.device_lines import (
    Broken,
    RawLine,
    Value,
    delimiter,
    line_cells,
    line_values,
    list_columns,
    list_lines,
    list_text,
)
from apps.assets.services.devices import QUANTITIES
from apps.assets.services.networks import device_addresses_check
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now

_BATCH = 1000

Values = dict[str, Value]
Address = tuple[str, int, int]
"""Host in small letters, port, unit id: what tells two devices apart on the wire."""


@dataclass(slots=True)
class _Taken:
    """What no line may use again: each code, address and metered site with who has it.

    The holder is "" for a device in the database, else the number of the line above.
    """

    codes: dict[str, str] = field(default_factory=dict)
    addresses: dict[Address, str] = field(default_factory=dict)
    metered: dict[int, str] = field(default_factory=dict)

    @classmethod
    def in_database(cls) -> "_Taken":
        taken = cls()
        rows = Device.objects.values_list(
            "code", "host", "port", "unit_id", "site_id", "is_grid_meter"
        )
        for code, host, port, unit_id, site_id, is_grid_meter in rows:
            taken.codes[code] = taken.addresses[host.lower(), port, unit_id] = ""
            if is_grid_meter:
                taken.metered[site_id] = ""
        return taken

    def broken(self, values: Values, site: Site) -> Broken | None:
        """The rule that a line breaks because of another device."""
        for name, holder, of_line, of_database in (
            ("code", self.codes.get(str(values["code"])), "twice_code", "code_exists"),
            ("host", self.addresses.get(_address(values)), "twice_address", "address_exists"),
            (
                "is_grid_meter",
                self.metered.get(site.pk) if values["is_grid_meter"] else None,
                "twice_meter",
                "meter_exists",
            ),
        ):
            if holder is not None:
                return Broken(name, of_line if holder else of_database, holder)
        return None

    def take(self, values: Values, site: Site, number: int) -> None:
        """A good line: the ones below must differ from it."""
        self.codes[str(values["code"])] = str(number)
        self.addresses[_address(values)] = str(number)
        if values["is_grid_meter"]:
            self.metered[site.pk] = str(number)


@dataclass(frozen=True, slots=True)
class _Checked:
    """A line with its values, or with the rule it breaks."""

    line: RawLine
    values: Values | None
    broken: Broken | None


def device_list_check(
    *, name: str, content: bytes, received_from: User | None, now: datetime | None = None
) -> DeviceImport:
    """Keep a list as it came, with what is wrong with each line; no device is made yet.

    Raises DomainError for a file that is no such list (`device_import.*`, see `device_lines`).
    """
    header, lines = list_lines(list_text(content))
    checked = _check(lines, list_columns(header))
    refused = sum(1 for entry in checked if entry.broken)
    with transaction.atomic():
        device_import = DeviceImport.objects.create(
            name=name[:200],
            header=header,
            received_at=now or utc_now(),
            received_from=received_from,
            status=ImportStatus.REFUSED if refused == len(checked) else ImportStatus.CHECKED,
            lines_count=len(checked),
            refused_count=refused,
        )
        DeviceImportLine.objects.bulk_create(
            [_line_row(device_import, entry) for entry in checked], batch_size=_BATCH
        )
    return device_import


def device_list_store(*, import_id: int) -> DeviceImport:
    """Make the devices of the valid lines, new and read only, and say so at each line.

    Safe to repeat: a list that is stored stays as it is. What became wrong since the check (a
    code taken meanwhile) is refused at its line. Raises DomainError `device_import.unknown`,
    or `device_import.busy` when another list takes the same addresses at this moment.
    """
    try:
        with transaction.atomic():
            device_import = DeviceImport.objects.select_for_update().filter(pk=import_id).first()
            if device_import is None:
                raise DomainError("device_import.unknown", "there is no such list")
            if device_import.status == ImportStatus.CHECKED:
                _store(device_import)
    except IntegrityError as error:
        raise DomainError("device_import.busy", "the same devices are added elsewhere") from error
    return device_import


def _check(lines: Sequence[RawLine], columns: tuple[str, ...]) -> list[_Checked]:
    """Each line by itself, then against the sites, the drivers, the network and each other."""
    read = [(line, line_values(line.cells, columns)) for line in lines]
    sites = {site.code: site for site in Site.objects.all()}
    drivers = set(driver_names())
    hosts = device_addresses_check(
        str(values["host"]) for _line, values in read if not isinstance(values, Broken)
    )
    taken = _Taken.in_database()
    checked: list[_Checked] = []
    for line, values in read:
        if isinstance(values, Broken):
            checked.append(_Checked(line, None, values))
            continue
        site = sites.get(str(values["site"]))
        broken = _reference(values, site, drivers, hosts[str(values["host"])])
        if broken is None and site is not None:
            broken = taken.broken(values, site)
            if broken is None:
                taken.take(values, site, line.number)
        checked.append(_Checked(line, None if broken else values, broken))
    return checked


def _reference(
    values: Values, site: Site | None, drivers: set[str], address: DomainError | None
) -> Broken | None:
    """What a line names must be there."""
    if site is None:
        return Broken("site", "site_unknown", str(values["site"]))
    if str(values["driver"]) not in drivers:
        return Broken("driver", "driver_unknown", str(values["driver"]))
    if address is not None:
        return Broken("host", address.code.replace("device.", ""), str(values["host"])[:60])
    return None


def _address(values: Values) -> Address:
    return str(values["host"]).lower(), int(values["port"] or 0), int(values["unit_id"] or 0)


def _line_row(device_import: DeviceImport, entry: _Checked) -> DeviceImportLine:
    broken = entry.broken
    return DeviceImportLine(
        of_import=device_import,
        number=entry.line.number,
        text=entry.line.text,
        status=ImportLineStatus.REFUSED if broken else ImportLineStatus.VALID,
        field=broken.field if broken else "",
        rule=broken.rule if broken else "",
    )


def _store(device_import: DeviceImport) -> None:
    rows = list(
        device_import.lines.select_for_update()
        .filter(status=ImportLineStatus.VALID)
        .order_by("number")
    )
    between = delimiter(device_import.header)
    checked = _check(
        [RawLine(row.number, row.text, line_cells(row.text, between)) for row in rows],
        list_columns(device_import.header),
    )
    _devices_create([entry.values for entry in checked if entry.values is not None])
    for row, entry in zip(rows, checked, strict=True):
        row.status = ImportLineStatus.REFUSED if entry.broken else ImportLineStatus.STORED
        row.field = entry.broken.field if entry.broken else ""
        row.rule = entry.broken.rule if entry.broken else ""
    DeviceImportLine.objects.bulk_update(rows, ["status", "field", "rule"], batch_size=_BATCH)
    refused = sum(1 for entry in checked if entry.broken)
    device_import.stored_count = len(checked) - refused
    device_import.refused_count += refused
    device_import.status = ImportStatus.STORED
    device_import.save(update_fields=["stored_count", "refused_count", "status"])


def _devices_create(listed: Iterable[Values]) -> None:
    """New devices with the sensors of their kind."""
    sites = {site.code: site for site in Site.objects.all()}
    devices = Device.objects.bulk_create(
        [
            Device(
                **{
                    **values,
                    "site": sites[str(values["site"])],
                    "stage": DeviceStage.NEW,
                    "control_enabled": False,
                }
            )
            for values in listed
        ],
        batch_size=_BATCH,
    )
    Sensor.objects.bulk_create(
        [
            Sensor(device=device, quantity=quantity, unit=quantity.unit)
            for device in devices
            for quantity in QUANTITIES[DeviceKind(device.kind)]
        ],
        batch_size=_BATCH,
    )
