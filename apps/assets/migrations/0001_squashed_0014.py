"""The tables of assets as 0014 leaves them, for a new operator: in place of fourteen steps."""

from importlib import import_module

import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import apps.assets.models.sites


def sql_of(step: str) -> list[migrations.RunSQL]:
    """What a step does to the database alone."""
    done = import_module(f"apps.assets.migrations.{step}").Migration.operations
    return [operation for operation in done if isinstance(operation, migrations.RunSQL)]


class Migration(migrations.Migration):
    replaces = [
        ("assets", "0001_initial"),
        ("assets", "0002_readings_table"),
        ("assets", "0003_net_counters_dropped"),
        ("assets", "0004_device_layer"),
        ("assets", "0005_rollup_tables"),
        ("assets", "0006_devices_in_service"),
        ("assets", "0007_setpoint_before"),
        ("assets", "0008_device_import_header"),
        ("assets", "0009_retention_dropped_until"),
        ("assets", "0010_rollups_due"),
        ("assets", "0011_push_grants"),
        ("assets", "0012_alarmdigest_language"),
        ("assets", "0013_battery_needs_capacity"),
        ("assets", "0014_alarm_of_a_source"),
    ]

    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Reading",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "sensor_id",
                        "at",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("sensor_id", models.BigIntegerField(verbose_name="sensor")),
                ("at", models.DateTimeField(verbose_name="at")),
                ("value", models.FloatField(verbose_name="value")),
                (
                    "quality",
                    models.PositiveSmallIntegerField(
                        choices=[(0, "Good"), (1, "Stale"), (2, "Bad"), (3, "Substituted")],
                        verbose_name="quality",
                    ),
                ),
            ],
            options={
                "verbose_name": "reading",
                "verbose_name_plural": "readings",
                "db_table": "assets_reading",
                "managed": False,
            },
        ),
        migrations.CreateModel(
            name="PollShard",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("key", models.CharField(max_length=40, unique=True, verbose_name="key")),
                ("holder", models.UUIDField(blank=True, null=True, verbose_name="holder")),
                (
                    "lease_until",
                    models.DateTimeField(blank=True, null=True, verbose_name="lease until"),
                ),
                ("taken_at", models.DateTimeField(blank=True, null=True, verbose_name="taken at")),
                ("worker", models.CharField(blank=True, max_length=120, verbose_name="worker")),
            ],
            options={
                "verbose_name": "poll shard",
                "verbose_name_plural": "poll shards",
                "ordering": ("key",),
            },
        ),
        migrations.CreateModel(
            name="Site",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("code", models.SlugField(max_length=60, unique=True, verbose_name="code")),
                ("name", models.CharField(max_length=120, verbose_name="name")),
                (
                    "time_zone",
                    models.CharField(
                        default="America/Guadeloupe",
                        max_length=64,
                        validators=[apps.assets.models.sites.validate_site_time_zone],
                        verbose_name="time zone",
                    ),
                ),
                (
                    "latitude",
                    models.FloatField(
                        blank=True,
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(-90),
                            django.core.validators.MaxValueValidator(90),
                        ],
                        verbose_name="latitude",
                    ),
                ),
                (
                    "longitude",
                    models.FloatField(
                        blank=True,
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(-180),
                            django.core.validators.MaxValueValidator(180),
                        ],
                        verbose_name="longitude",
                    ),
                ),
                (
                    "grid_import_limit_kw",
                    models.FloatField(blank=True, null=True, verbose_name="grid import limit (kW)"),
                ),
                (
                    "grid_export_limit_kw",
                    models.FloatField(blank=True, null=True, verbose_name="grid export limit (kW)"),
                ),
                (
                    "hands_off",
                    models.BooleanField(
                        default=False,
                        editable=False,
                        help_text="On: nothing is written to any device of the site, whoever asks.",
                        verbose_name="hands off",
                    ),
                ),
            ],
            options={
                "verbose_name": "site",
                "verbose_name_plural": "sites",
                "ordering": ("code",),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("grid_import_limit_kw", None),
                            ("grid_import_limit_kw__gte", 0),
                            _connector="OR",
                        ),
                        name="site_grid_import_limit_not_negative",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("grid_export_limit_kw", None),
                            ("grid_export_limit_kw__gte", 0),
                            _connector="OR",
                        ),
                        name="site_grid_export_limit_not_negative",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Device",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("code", models.SlugField(max_length=60, unique=True, verbose_name="code")),
                ("name", models.CharField(max_length=120, verbose_name="name")),
                ("commune", models.CharField(blank=True, max_length=120, verbose_name="commune")),
                (
                    "kind",
                    models.CharField(
                        choices=[("pv", "PV plant"), ("battery", "Battery"), ("meter", "Meter")],
                        max_length=10,
                        verbose_name="kind",
                    ),
                ),
                (
                    "latitude",
                    models.FloatField(
                        blank=True,
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(-90),
                            django.core.validators.MaxValueValidator(90),
                        ],
                        verbose_name="latitude",
                    ),
                ),
                (
                    "longitude",
                    models.FloatField(
                        blank=True,
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(-180),
                            django.core.validators.MaxValueValidator(180),
                        ],
                        verbose_name="longitude",
                    ),
                ),
                (
                    "driver",
                    models.CharField(
                        default="sunspec",
                        help_text="`sunspec` finds its registers by itself; any other name is a register map.",
                        max_length=60,
                        verbose_name="device model",
                    ),
                ),
                ("host", models.CharField(max_length=253, verbose_name="host")),
                (
                    "port",
                    models.PositiveIntegerField(
                        default=502,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(65535),
                        ],
                        verbose_name="port",
                    ),
                ),
                (
                    "unit_id",
                    models.PositiveSmallIntegerField(
                        default=1,
                        validators=[django.core.validators.MaxValueValidator(255)],
                        verbose_name="unit id",
                    ),
                ),
                (
                    "poll_period_s",
                    models.FloatField(
                        default=2.0,
                        validators=[
                            django.core.validators.MinValueValidator(0.2),
                            django.core.validators.MaxValueValidator(3600),
                        ],
                        verbose_name="poll period (s)",
                    ),
                ),
                (
                    "rated_power_kw",
                    models.FloatField(
                        help_text="At the AC terminals, in both directions for a battery.",
                        validators=[django.core.validators.MinValueValidator(0.001)],
                        verbose_name="rated power (kW)",
                    ),
                ),
                (
                    "capacity_kwh",
                    models.FloatField(
                        blank=True,
                        null=True,
                        validators=[django.core.validators.MinValueValidator(0.001)],
                        verbose_name="capacity (kWh)",
                    ),
                ),
                (
                    "soc_min_percent",
                    models.FloatField(
                        default=0,
                        validators=[
                            django.core.validators.MinValueValidator(0),
                            django.core.validators.MaxValueValidator(100),
                        ],
                        verbose_name="lowest SoC (%)",
                    ),
                ),
                (
                    "soc_max_percent",
                    models.FloatField(
                        default=100,
                        validators=[
                            django.core.validators.MinValueValidator(0),
                            django.core.validators.MaxValueValidator(100),
                        ],
                        verbose_name="highest SoC (%)",
                    ),
                ),
                (
                    "charging_efficiency",
                    models.FloatField(
                        default=1,
                        help_text="Stored energy for each kWh at the AC terminals, 0 to 1.",
                        validators=[django.core.validators.MinValueValidator(0.01)],
                        verbose_name="charging efficiency",
                    ),
                ),
                (
                    "discharging_efficiency",
                    models.FloatField(
                        default=1,
                        help_text="Energy at the AC terminals for each stored kWh, 0 to 1.",
                        validators=[django.core.validators.MinValueValidator(0.01)],
                        verbose_name="discharging efficiency",
                    ),
                ),
                (
                    "control_enabled",
                    models.BooleanField(
                        default=False,
                        help_text="Off: the device is read only, nothing is ever written to it.",
                        verbose_name="control enabled",
                    ),
                ),
                (
                    "connection_state",
                    models.CharField(
                        choices=[
                            ("unknown", "Not polled yet"),
                            ("ok", "Answers"),
                            ("silent", "Does not answer"),
                            ("error", "Answers wrongly"),
                        ],
                        default="unknown",
                        editable=False,
                        max_length=10,
                        verbose_name="connection",
                    ),
                ),
                (
                    "last_seen_at",
                    models.DateTimeField(
                        blank=True, editable=False, null=True, verbose_name="last answer"
                    ),
                ),
                (
                    "last_error",
                    models.CharField(
                        blank=True, editable=False, max_length=300, verbose_name="last error"
                    ),
                ),
                (
                    "manufacturer",
                    models.CharField(
                        blank=True, editable=False, max_length=32, verbose_name="manufacturer"
                    ),
                ),
                (
                    "model_name",
                    models.CharField(
                        blank=True, editable=False, max_length=32, verbose_name="model"
                    ),
                ),
                (
                    "serial_number",
                    models.CharField(
                        blank=True, editable=False, max_length=32, verbose_name="serial number"
                    ),
                ),
                (
                    "sunspec_models",
                    models.CharField(
                        blank=True, editable=False, max_length=200, verbose_name="SunSpec models"
                    ),
                ),
                (
                    "shard",
                    models.ForeignKey(
                        blank=True,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="devices",
                        to="assets.pollshard",
                    ),
                ),
                (
                    "site",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="devices",
                        to="assets.site",
                        verbose_name="site",
                    ),
                ),
                (
                    "driver_version",
                    models.PositiveIntegerField(
                        default=0, editable=False, verbose_name="map version"
                    ),
                ),
                (
                    "hands_off",
                    models.BooleanField(
                        default=False,
                        editable=False,
                        help_text="On: nothing is written to the device, whoever asks.",
                        verbose_name="hands off",
                    ),
                ),
                (
                    "inter_frame_delay_s",
                    models.FloatField(
                        blank=True,
                        help_text="Empty: as the device model says.",
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(0),
                            django.core.validators.MaxValueValidator(5),
                        ],
                        verbose_name="pause between requests (s)",
                    ),
                ),
                (
                    "is_grid_meter",
                    models.BooleanField(
                        default=False,
                        help_text="Its import is what the whole site draws from the grid.",
                        verbose_name="meters the grid connection",
                    ),
                ),
                (
                    "ramp_kw_per_s",
                    models.FloatField(
                        blank=True,
                        help_text="How fast a set-point may move. Empty: at once.",
                        null=True,
                        validators=[django.core.validators.MinValueValidator(0.001)],
                        verbose_name="ramp (kW/s)",
                    ),
                ),
                (
                    "stage",
                    models.CharField(
                        choices=[
                            ("new", "New"),
                            ("in_service", "In service"),
                            ("out_of_service", "Out of service"),
                        ],
                        default="new",
                        editable=False,
                        max_length=14,
                        verbose_name="stage",
                    ),
                ),
                (
                    "timeout_s",
                    models.FloatField(
                        blank=True,
                        help_text="Empty: as the device model says.",
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(0.1),
                            django.core.validators.MaxValueValidator(120),
                        ],
                        verbose_name="time-out of a request (s)",
                    ),
                ),
                (
                    "transport",
                    models.CharField(
                        choices=[
                            ("modbus_tcp", "Modbus TCP"),
                            ("rtu_over_tcp", "Modbus RTU over TCP"),
                        ],
                        default="modbus_tcp",
                        max_length=14,
                        verbose_name="transport",
                    ),
                ),
            ],
            options={
                "verbose_name": "device",
                "verbose_name_plural": "devices",
                "ordering": ("code",),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("host", "port", "unit_id"), name="device_modbus_address_unique"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("connection_state__in", ["unknown", "ok", "silent", "error"])
                        ),
                        name="device_connection_state_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("rated_power_kw__gt", 0)),
                        name="device_rated_power_positive",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("poll_period_s__gte", 0.2)),
                        name="device_poll_period_long_enough",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("soc_max_percent__lte", 100),
                            ("soc_min_percent__gte", 0),
                            ("soc_min_percent__lt", models.F("soc_max_percent")),
                        ),
                        name="device_soc_window",
                        violation_error_message="The lowest SoC must be below the highest.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("charging_efficiency__gt", 0),
                            ("charging_efficiency__lte", 1),
                            ("discharging_efficiency__gt", 0),
                            ("discharging_efficiency__lte", 1),
                        ),
                        name="device_efficiencies_between_0_and_1",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["pv", "battery", "meter"])),
                        name="device_kind_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("stage__in", ["new", "in_service", "out_of_service"])),
                        name="device_stage_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("transport__in", ["modbus_tcp", "rtu_over_tcp"])),
                        name="device_transport_known",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("is_grid_meter", True)),
                        fields=("site",),
                        name="device_one_grid_meter_of_a_site",
                        violation_error_message="The site has a grid meter already.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("is_grid_meter", False), ("kind", "meter"), _connector="OR"
                        ),
                        name="device_grid_meter_is_a_meter",
                        violation_error_message="Only a meter can meter the grid connection.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("ramp_kw_per_s", None), ("ramp_kw_per_s__gt", 0), _connector="OR"
                        ),
                        name="device_ramp_positive",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "battery"), _negated=True),
                            models.Q(("capacity_kwh__gt", 0), ("capacity_kwh__isnull", False)),
                            _connector="OR",
                        ),
                        name="device_battery_has_capacity",
                        violation_error_message="A battery needs a capacity.",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Sensor",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "quantity",
                    models.CharField(
                        choices=[
                            ("power_kw", "Power"),
                            ("energy_import_kwh", "Energy taken (counter)"),
                            ("energy_export_kwh", "Energy given (counter)"),
                            ("soc_percent", "State of charge"),
                            ("soh_percent", "State of health"),
                            ("reactive_power_kvar", "Reactive power"),
                            ("apparent_power_kva", "Apparent power"),
                            ("dc_power_kw", "DC power"),
                            ("voltage_v", "Voltage"),
                            ("current_a", "Current"),
                            ("frequency_hz", "Frequency"),
                            ("power_factor", "Power factor"),
                            ("temperature_c", "Temperature"),
                            ("irradiance_w_per_m2", "Irradiance"),
                        ],
                        max_length=24,
                        verbose_name="quantity",
                    ),
                ),
                ("unit", models.CharField(blank=True, max_length=8, verbose_name="unit")),
                (
                    "device",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="sensors",
                        to="assets.device",
                        verbose_name="device",
                    ),
                ),
                (
                    "channel",
                    models.SlugField(
                        blank=True,
                        help_text="Empty for the whole device, else a part of it: `l1`, `mppt2`.",
                        max_length=24,
                        verbose_name="channel",
                    ),
                ),
                ("period_s", models.FloatField(blank=True, null=True, verbose_name="period (s)")),
                (
                    "rollover_kwh",
                    models.FloatField(blank=True, null=True, verbose_name="roll-over (kWh)"),
                ),
            ],
            options={
                "verbose_name": "sensor",
                "verbose_name_plural": "sensors",
                "ordering": ("device_id", "quantity", "channel"),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("device", "quantity", "channel"), name="sensor_one_of_a_quantity"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "quantity__in",
                                [
                                    "power_kw",
                                    "energy_import_kwh",
                                    "energy_export_kwh",
                                    "soc_percent",
                                    "soh_percent",
                                    "reactive_power_kvar",
                                    "apparent_power_kva",
                                    "dc_power_kw",
                                    "voltage_v",
                                    "current_a",
                                    "frequency_hz",
                                    "power_factor",
                                    "temperature_c",
                                    "irradiance_w_per_m2",
                                ],
                            )
                        ),
                        name="sensor_quantity_known",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="SensorLatest",
            fields=[
                (
                    "sensor",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="latest",
                        serialize=False,
                        to="assets.sensor",
                    ),
                ),
                ("at", models.DateTimeField(verbose_name="at")),
                ("value", models.FloatField(verbose_name="value")),
                (
                    "quality",
                    models.PositiveSmallIntegerField(
                        choices=[(0, "Good"), (1, "Stale"), (2, "Bad"), (3, "Substituted")],
                        verbose_name="quality",
                    ),
                ),
            ],
            options={
                "verbose_name": "latest reading",
                "verbose_name_plural": "latest readings",
            },
        ),
        migrations.CreateModel(
            name="Setpoint",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("power_kw", models.FloatField(verbose_name="power (kW)")),
                (
                    "source",
                    models.CharField(
                        choices=[
                            ("operator", "Operator"),
                            ("grid", "Grid"),
                            ("plan", "Plan"),
                            ("fallback", "Fallback"),
                        ],
                        max_length=10,
                        verbose_name="source",
                    ),
                ),
                ("reason", models.CharField(max_length=200, verbose_name="reason")),
                ("requested_at", models.DateTimeField(verbose_name="requested at")),
                ("expires_at", models.DateTimeField(verbose_name="expires at")),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("requested", "Requested"),
                            ("applied", "Applied"),
                            ("refused", "Refused"),
                            ("failed", "Failed"),
                            ("superseded", "Superseded"),
                            ("expired", "Expired"),
                            ("reverted", "Reverted by the device"),
                        ],
                        default="requested",
                        max_length=10,
                        verbose_name="status",
                    ),
                ),
                (
                    "reversion_s",
                    models.PositiveIntegerField(default=60, verbose_name="reversion (s)"),
                ),
                (
                    "written_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="written at"),
                ),
                (
                    "refreshed_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="refreshed at"),
                ),
                (
                    "readback_kw",
                    models.FloatField(blank=True, null=True, verbose_name="read back (kW)"),
                ),
                ("ended_at", models.DateTimeField(blank=True, null=True, verbose_name="ended at")),
                (
                    "error_code",
                    models.CharField(blank=True, max_length=60, verbose_name="error code"),
                ),
                ("error", models.CharField(blank=True, max_length=300, verbose_name="error")),
                (
                    "device",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="setpoints",
                        to="assets.device",
                        verbose_name="device",
                    ),
                ),
                (
                    "requested_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="requested by",
                    ),
                ),
                (
                    "applied_kw",
                    models.FloatField(blank=True, null=True, verbose_name="written last (kW)"),
                ),
                ("asked_kw", models.FloatField(blank=True, null=True, verbose_name="asked (kW)")),
                (
                    "limited_by",
                    models.CharField(blank=True, max_length=30, verbose_name="limited by"),
                ),
                (
                    "before_kw",
                    models.FloatField(blank=True, null=True, verbose_name="power before (kW)"),
                ),
                (
                    "ramp_from_kw",
                    models.FloatField(blank=True, null=True, verbose_name="ramp from (kW)"),
                ),
            ],
            options={
                "verbose_name": "set-point",
                "verbose_name_plural": "set-points",
                "ordering": ("-id",),
                "indexes": [models.Index(fields=["device", "-id"], name="setpoint_of_device")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("status__in", ("requested", "applied"))),
                        fields=("device",),
                        name="setpoint_one_active_of_a_device",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "status__in",
                                [
                                    "requested",
                                    "applied",
                                    "refused",
                                    "failed",
                                    "superseded",
                                    "expired",
                                    "reverted",
                                ],
                            )
                        ),
                        name="setpoint_status_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("source__in", ["operator", "grid", "plan", "fallback"])
                        ),
                        name="setpoint_source_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reversion_s__gt", 0)),
                        name="setpoint_reversion_positive",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="HourRollup",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "sensor_id",
                        "start",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("sensor_id", models.BigIntegerField(verbose_name="sensor")),
                ("start", models.DateTimeField(verbose_name="start")),
                ("mean", models.FloatField(null=True, verbose_name="mean")),
                ("minimum", models.FloatField(null=True, verbose_name="minimum")),
                ("maximum", models.FloatField(null=True, verbose_name="maximum")),
                ("energy_kwh", models.FloatField(null=True, verbose_name="energy (kWh)")),
                ("count", models.IntegerField(verbose_name="trusted readings")),
                ("bad_count", models.IntegerField(verbose_name="other readings")),
                ("coverage", models.FloatField(verbose_name="coverage")),
            ],
            options={
                "verbose_name": "roll-up of 1 hour",
                "verbose_name_plural": "roll-ups of 1 hour",
                "db_table": "assets_rollup_1h",
                "managed": False,
            },
        ),
        migrations.CreateModel(
            name="MinuteRollup",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "sensor_id",
                        "start",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("sensor_id", models.BigIntegerField(verbose_name="sensor")),
                ("start", models.DateTimeField(verbose_name="start")),
                ("mean", models.FloatField(null=True, verbose_name="mean")),
                ("minimum", models.FloatField(null=True, verbose_name="minimum")),
                ("maximum", models.FloatField(null=True, verbose_name="maximum")),
                ("energy_kwh", models.FloatField(null=True, verbose_name="energy (kWh)")),
                ("count", models.IntegerField(verbose_name="trusted readings")),
                ("bad_count", models.IntegerField(verbose_name="other readings")),
                ("coverage", models.FloatField(verbose_name="coverage")),
            ],
            options={
                "verbose_name": "roll-up of 1 minute",
                "verbose_name_plural": "roll-ups of 1 minute",
                "db_table": "assets_rollup_1m",
                "managed": False,
            },
        ),
        migrations.CreateModel(
            name="QuarterRollup",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "sensor_id",
                        "start",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("sensor_id", models.BigIntegerField(verbose_name="sensor")),
                ("start", models.DateTimeField(verbose_name="start")),
                ("mean", models.FloatField(null=True, verbose_name="mean")),
                ("minimum", models.FloatField(null=True, verbose_name="minimum")),
                ("maximum", models.FloatField(null=True, verbose_name="maximum")),
                ("energy_kwh", models.FloatField(null=True, verbose_name="energy (kWh)")),
                ("count", models.IntegerField(verbose_name="trusted readings")),
                ("bad_count", models.IntegerField(verbose_name="other readings")),
                ("coverage", models.FloatField(verbose_name="coverage")),
            ],
            options={
                "verbose_name": "roll-up of 15 minutes",
                "verbose_name_plural": "roll-ups of 15 minutes",
                "db_table": "assets_rollup_15m",
                "managed": False,
            },
        ),
        migrations.CreateModel(
            name="Alarm",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("communication", "No communication"),
                            ("stale", "Values are late"),
                            ("out_of_range", "Value out of range"),
                            ("device_fault", "Fault reported by the device"),
                            ("soc_mismatch", "State of charge does not follow the energy"),
                            ("setpoint_not_followed", "Set-point not followed"),
                            ("clock", "The device's clock is wrong"),
                            ("certificate_ends", "Certificate ends soon"),
                            ("certificate_ended", "Certificate is not valid any more"),
                        ],
                        max_length=24,
                        verbose_name="kind",
                    ),
                ),
                ("code", models.CharField(blank=True, max_length=80, verbose_name="code")),
                (
                    "severity",
                    models.PositiveSmallIntegerField(
                        choices=[(0, "Information"), (1, "Warning"), (2, "Critical")],
                        verbose_name="severity",
                    ),
                ),
                ("words", models.JSONField(default=dict, verbose_name="words")),
                ("figures", models.JSONField(default=dict, verbose_name="figures")),
                ("raised_at", models.DateTimeField(verbose_name="since")),
                ("cleared_at", models.DateTimeField(blank=True, null=True, verbose_name="until")),
                (
                    "acknowledged_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="acknowledged at"),
                ),
                ("note", models.CharField(blank=True, max_length=200, verbose_name="note")),
                (
                    "acknowledged_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="acknowledged by",
                    ),
                ),
                (
                    "device",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="alarms",
                        to="assets.device",
                        verbose_name="device",
                    ),
                ),
                (
                    "sensor",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="assets.sensor",
                        verbose_name="sensor",
                    ),
                ),
                ("source", models.CharField(blank=True, max_length=24, verbose_name="source")),
                (
                    "source_id",
                    models.BigIntegerField(blank=True, null=True, verbose_name="id of the source"),
                ),
                (
                    "source_name",
                    models.CharField(blank=True, max_length=100, verbose_name="name of the source"),
                ),
            ],
            options={
                "verbose_name": "alarm",
                "verbose_name_plural": "alarms",
                "ordering": ("-id",),
                "indexes": [
                    models.Index(fields=["-raised_at"], name="alarm_by_time"),
                    models.Index(fields=["device", "-raised_at"], name="alarm_of_device"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("cleared_at", None)),
                        fields=("device", "kind", "code"),
                        name="alarm_one_open_of_a_kind",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("cleared_at", None),
                            ("cleared_at__gte", models.F("raised_at")),
                            _connector="OR",
                        ),
                        name="alarm_cleared_after_raised",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("cleared_at", None), ("device", None)),
                        fields=("source", "source_id", "kind", "code"),
                        name="alarm_one_open_of_a_source",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("device__isnull", False), ("source", ""), ("source_id", None)
                            ),
                            models.Q(
                                ("device", None),
                                ("source_id__isnull", False),
                                models.Q(("source", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="alarm_of_device_or_source",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "kind__in",
                                [
                                    "communication",
                                    "stale",
                                    "out_of_range",
                                    "device_fault",
                                    "soc_mismatch",
                                    "setpoint_not_followed",
                                    "clock",
                                    "certificate_ends",
                                    "certificate_ended",
                                ],
                            )
                        ),
                        name="alarm_kind_known",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="AlarmDigest",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "least_severity",
                    models.PositiveSmallIntegerField(
                        choices=[(0, "Information"), (1, "Warning"), (2, "Critical")],
                        default=1,
                        verbose_name="least severity",
                    ),
                ),
                (
                    "every_minutes",
                    models.PositiveIntegerField(
                        default=15,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(10080),
                        ],
                        verbose_name="at most every (minutes)",
                    ),
                ),
                ("is_active", models.BooleanField(default=True, verbose_name="active")),
                (
                    "sent_until",
                    models.DateTimeField(
                        blank=True, editable=False, null=True, verbose_name="sent until"
                    ),
                ),
                (
                    "last_error",
                    models.CharField(
                        blank=True, editable=False, max_length=300, verbose_name="last error"
                    ),
                ),
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="alarm_digest",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="user",
                    ),
                ),
                (
                    "language",
                    models.CharField(
                        choices=[("fr", "Français"), ("en", "English"), ("es", "Español")],
                        default="fr",
                        max_length=8,
                        verbose_name="language",
                    ),
                ),
            ],
            options={
                "verbose_name": "alarms by e-mail",
                "verbose_name_plural": "alarms by e-mail",
                "ordering": ("user_id",),
            },
        ),
        migrations.CreateModel(
            name="DeviceImport",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=200, verbose_name="name")),
                ("received_at", models.DateTimeField(verbose_name="received at")),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("checked", "Checked"),
                            ("stored", "Stored"),
                            ("refused", "Refused"),
                        ],
                        max_length=8,
                        verbose_name="status",
                    ),
                ),
                ("lines_count", models.PositiveIntegerField(default=0, verbose_name="lines")),
                ("stored_count", models.PositiveIntegerField(default=0, verbose_name="stored")),
                ("flagged_count", models.PositiveIntegerField(default=0, verbose_name="flagged")),
                ("refused_count", models.PositiveIntegerField(default=0, verbose_name="refused")),
                (
                    "received_from",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="received from",
                    ),
                ),
                ("header", models.TextField(blank=True, verbose_name="header")),
            ],
            options={
                "verbose_name": "import of devices",
                "verbose_name_plural": "imports of devices",
                "ordering": ("-id",),
            },
        ),
        migrations.CreateModel(
            name="DeviceImportLine",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.PositiveIntegerField(verbose_name="line")),
                ("text", models.TextField(verbose_name="text")),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("valid", "Valid"),
                            ("stored", "Stored"),
                            ("flagged", "Stored with a flag"),
                            ("refused", "Refused"),
                        ],
                        max_length=8,
                        verbose_name="status",
                    ),
                ),
                ("field", models.CharField(blank=True, max_length=60, verbose_name="field")),
                ("rule", models.CharField(blank=True, max_length=300, verbose_name="rule")),
                (
                    "of_import",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="lines",
                        to="assets.deviceimport",
                        verbose_name="import",
                    ),
                ),
            ],
            options={
                "verbose_name": "line of an import of devices",
                "verbose_name_plural": "lines of imports of devices",
                "ordering": ("of_import", "number"),
            },
        ),
        migrations.CreateModel(
            name="GatewayJob",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("probe", "Probe"),
                            ("read", "Read all values"),
                            ("test_write", "Test write"),
                            ("trace", "Trace"),
                        ],
                        max_length=10,
                        verbose_name="kind",
                    ),
                ),
                ("host", models.CharField(max_length=253, verbose_name="host")),
                ("port", models.PositiveIntegerField(verbose_name="port")),
                ("unit_id", models.PositiveSmallIntegerField(verbose_name="unit id")),
                (
                    "transport",
                    models.CharField(
                        choices=[
                            ("modbus_tcp", "Modbus TCP"),
                            ("rtu_over_tcp", "Modbus RTU over TCP"),
                        ],
                        max_length=14,
                        verbose_name="transport",
                    ),
                ),
                (
                    "parameters",
                    models.JSONField(blank=True, default=dict, verbose_name="parameters"),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("queued", "Waiting"),
                            ("running", "Running"),
                            ("done", "Done"),
                            ("failed", "Failed"),
                        ],
                        default="queued",
                        max_length=8,
                        verbose_name="status",
                    ),
                ),
                ("answer", models.JSONField(blank=True, null=True, verbose_name="answer")),
                ("error", models.CharField(blank=True, max_length=300, verbose_name="error")),
                ("requested_at", models.DateTimeField(verbose_name="requested at")),
                (
                    "started_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="started at"),
                ),
                (
                    "finished_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="finished at"),
                ),
                (
                    "device",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="jobs",
                        to="assets.device",
                        verbose_name="device",
                    ),
                ),
                (
                    "requested_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="requested by",
                    ),
                ),
            ],
            options={
                "verbose_name": "gateway job",
                "verbose_name_plural": "gateway jobs",
                "ordering": ("-id",),
                "indexes": [
                    models.Index(
                        condition=models.Q(("status", "queued")),
                        fields=["host", "port"],
                        name="gateway_job_waiting",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("status__in", ["queued", "running", "done", "failed"])),
                        name="gateway_job_status_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["probe", "read", "test_write", "trace"])),
                        name="gateway_job_kind_known",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="HandsOffChange",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("is_on", models.BooleanField(verbose_name="hands off")),
                ("reason", models.CharField(max_length=200, verbose_name="reason")),
                ("changed_at", models.DateTimeField(verbose_name="changed at")),
                (
                    "changed_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="changed by",
                    ),
                ),
                (
                    "device",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="hands_off_changes",
                        to="assets.device",
                        verbose_name="device",
                    ),
                ),
                (
                    "site",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="hands_off_changes",
                        to="assets.site",
                        verbose_name="site",
                    ),
                ),
            ],
            options={
                "verbose_name": "hands-off change",
                "verbose_name_plural": "hands-off changes",
                "ordering": ("-id",),
            },
        ),
        migrations.CreateModel(
            name="PollWorker",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=120, unique=True, verbose_name="worker")),
                ("seen_at", models.DateTimeField(verbose_name="seen")),
            ],
            options={
                "verbose_name": "poll worker",
                "verbose_name_plural": "poll workers",
                "ordering": ("name",),
            },
        ),
        migrations.CreateModel(
            name="ReadingImport",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=200, verbose_name="name")),
                ("received_at", models.DateTimeField(verbose_name="received at")),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("checked", "Checked"),
                            ("stored", "Stored"),
                            ("refused", "Refused"),
                        ],
                        max_length=8,
                        verbose_name="status",
                    ),
                ),
                ("lines_count", models.PositiveIntegerField(default=0, verbose_name="lines")),
                ("stored_count", models.PositiveIntegerField(default=0, verbose_name="stored")),
                ("flagged_count", models.PositiveIntegerField(default=0, verbose_name="flagged")),
                ("refused_count", models.PositiveIntegerField(default=0, verbose_name="refused")),
                (
                    "received_from",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="received from",
                    ),
                ),
                ("digest", models.CharField(blank=True, max_length=64, verbose_name="digest")),
                (
                    "idempotency_key",
                    models.CharField(blank=True, max_length=100, verbose_name="idempotency key"),
                ),
            ],
            options={
                "verbose_name": "import of readings",
                "verbose_name_plural": "imports of readings",
                "ordering": ("-id",),
                "indexes": [
                    models.Index(fields=["received_from", "digest"], name="reading_import_of_body")
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("idempotency_key", ""), _negated=True),
                        fields=("received_from", "idempotency_key"),
                        name="reading_import_key_once",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ReadingImportLine",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.PositiveIntegerField(verbose_name="line")),
                ("text", models.TextField(verbose_name="text")),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("valid", "Valid"),
                            ("stored", "Stored"),
                            ("flagged", "Stored with a flag"),
                            ("refused", "Refused"),
                        ],
                        max_length=8,
                        verbose_name="status",
                    ),
                ),
                ("field", models.CharField(blank=True, max_length=60, verbose_name="field")),
                ("rule", models.CharField(blank=True, max_length=300, verbose_name="rule")),
                (
                    "of_import",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="lines",
                        to="assets.readingimport",
                        verbose_name="import",
                    ),
                ),
            ],
            options={
                "verbose_name": "line of an import of readings",
                "verbose_name_plural": "lines of imports of readings",
                "ordering": ("of_import", "number"),
            },
        ),
        migrations.CreateModel(
            name="Retention",
            fields=[
                (
                    "id",
                    models.PositiveSmallIntegerField(
                        default=1, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "readings_months",
                    models.PositiveSmallIntegerField(
                        default=6,
                        help_text="Whole months before this one. Older readings are deleted for good.",
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(240),
                        ],
                        verbose_name="readings (months)",
                    ),
                ),
                (
                    "minutes_months",
                    models.PositiveSmallIntegerField(
                        default=36,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(240),
                        ],
                        verbose_name="roll-ups of 1 minute (months)",
                    ),
                ),
                (
                    "readings_dropped_until",
                    models.DateTimeField(
                        blank=True,
                        editable=False,
                        null=True,
                        verbose_name="readings deleted before",
                    ),
                ),
            ],
            options={
                "verbose_name": "retention of readings",
                "verbose_name_plural": "retention of readings",
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("id", 1)), name="retention_one_row"),
                    models.CheckConstraint(
                        condition=models.Q(("minutes_months__gte", models.F("readings_months"))),
                        name="retention_minutes_outlive_readings",
                        violation_error_message="Roll-ups must be kept at least as long as readings.",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="RollupDue",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("start", models.DateTimeField(verbose_name="start")),
                ("end", models.DateTimeField(verbose_name="end")),
                (
                    "sensor_ids",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(), size=None, verbose_name="sensors"
                    ),
                ),
            ],
            options={
                "verbose_name": "roll-up due",
                "verbose_name_plural": "roll-ups due",
                "ordering": ("id",),
            },
        ),
        migrations.CreateModel(
            name="PushGrant",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "device",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="push_grants",
                        to="assets.device",
                        verbose_name="device",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="push_grants",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="user",
                    ),
                ),
            ],
            options={
                "verbose_name": "right to send readings",
                "verbose_name_plural": "rights to send readings",
                "ordering": ("user_id", "device_id"),
                "constraints": [
                    models.UniqueConstraint(fields=("user", "device"), name="push_grant_once")
                ],
            },
        ),
        *sql_of("0002_readings_table"),
        *sql_of("0005_rollup_tables"),
    ]
