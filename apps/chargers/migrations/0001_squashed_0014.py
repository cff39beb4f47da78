"""The tables of chargers as 0014 leaves them, for a new operator: in place of fourteen steps."""

from decimal import Decimal

import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.text
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import apps.tenants.fields
import cariflex.common.exact_json
import cariflex.common.ids


class Migration(migrations.Migration):
    replaces = [
        ("chargers", "0001_initial"),
        ("chargers", "0002_csms"),
        ("chargers", "0003_report_parts_and_batches"),
        ("chargers", "0004_security_profiles_and_doubts"),
        ("chargers", "0005_profiles_of_stations"),
        ("chargers", "0006_token_group_one_at_a_time"),
        ("chargers", "0007_values_of_2_1"),
        ("chargers", "0008_ad_hoc"),
        ("chargers", "0009_bidirectional_and_streams"),
        ("chargers", "0010_webhooks_and_displays"),
        ("chargers", "0011_citrineos"),
        ("chargers", "0012_batches_paced"),
        ("chargers", "0013_citrineos_off_at_first"),
        ("chargers", "0014_ad_hoc_price_terms"),
    ]

    initial = True

    dependencies = [
        ("assets", "0014_alarm_of_a_source"),
        ("outbox", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ChargingStation",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "station_id",
                    models.CharField(
                        help_text="OCPP identity",
                        max_length=48,
                        unique=True,
                        verbose_name="station id",
                    ),
                ),
                ("name", models.CharField(blank=True, max_length=100, verbose_name="name")),
                ("commune", models.CharField(blank=True, max_length=100, verbose_name="commune")),
                ("latitude", models.FloatField(blank=True, null=True, verbose_name="latitude")),
                ("longitude", models.FloatField(blank=True, null=True, verbose_name="longitude")),
                ("rated_power_kw", models.FloatField(verbose_name="rated power (kW)")),
                ("password_hash", models.CharField(blank=True, editable=False, max_length=160)),
                ("vendor", models.CharField(blank=True, max_length=50, verbose_name="vendor")),
                ("model", models.CharField(blank=True, max_length=50, verbose_name="model")),
                (
                    "serial_number",
                    models.CharField(blank=True, max_length=50, verbose_name="serial number"),
                ),
                ("firmware", models.CharField(blank=True, max_length=50, verbose_name="firmware")),
                (
                    "registration_status",
                    models.CharField(
                        choices=[
                            ("Accepted", "Accepted"),
                            ("Pending", "Pending"),
                            ("Rejected", "Rejected"),
                        ],
                        default="Accepted",
                        help_text="The answer to the next boot notification",
                        max_length=8,
                        verbose_name="registration",
                    ),
                ),
                (
                    "connection_state",
                    models.CharField(
                        choices=[("online", "Online"), ("offline", "Offline")],
                        default="offline",
                        max_length=8,
                        verbose_name="connection",
                    ),
                ),
                (
                    "connection_channel",
                    models.CharField(blank=True, editable=False, max_length=120),
                ),
                (
                    "connected_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="connected at"),
                ),
                (
                    "disconnected_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="disconnected at"),
                ),
                (
                    "booted_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="booted at"),
                ),
                (
                    "last_seen_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="last seen"),
                ),
                (
                    "site",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="charging_stations",
                        to="assets.site",
                        verbose_name="site",
                    ),
                ),
                (
                    "csms",
                    models.CharField(
                        choices=[("native", "Cariflex"), ("citrineos", "CitrineOS")],
                        default="native",
                        max_length=10,
                        verbose_name="served by",
                    ),
                ),
                (
                    "ocpp_version",
                    models.CharField(
                        blank=True, editable=False, max_length=6, verbose_name="OCPP version"
                    ),
                ),
                (
                    "security_profile",
                    models.PositiveSmallIntegerField(
                        choices=[
                            (1, "1: password"),
                            (2, "2: password over TLS"),
                            (3, "3: client certificate over TLS"),
                        ],
                        default=1,
                        verbose_name="security profile",
                    ),
                ),
                (
                    "next_password_hash",
                    models.CharField(blank=True, editable=False, max_length=160),
                ),
            ],
            options={
                "verbose_name": "charging station",
                "verbose_name_plural": "charging stations",
                "ordering": ["station_id"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("rated_power_kw__gt", 0)),
                        name="station_rated_power_positive",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("latitude__isnull", True),
                            ("latitude__range", (-90, 90)),
                            _connector="OR",
                        ),
                        name="station_latitude_range",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("longitude__isnull", True),
                            ("longitude__range", (-180, 180)),
                            _connector="OR",
                        ),
                        name="station_longitude_range",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="CommandBatch",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("action", models.CharField(max_length=40, verbose_name="action")),
                ("payload", models.JSONField(default=dict, verbose_name="request")),
                ("reason", models.CharField(blank=True, max_length=200, verbose_name="reason")),
                ("requested_at", models.DateTimeField(verbose_name="requested at")),
                ("stations_count", models.PositiveIntegerField(default=0, verbose_name="stations")),
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
                    "waiting",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(),
                        blank=True,
                        default=list,
                        editable=False,
                        size=None,
                    ),
                ),
                ("next_slice_at", models.DateTimeField(blank=True, editable=False, null=True)),
            ],
            options={
                "verbose_name": "bulk command",
                "verbose_name_plural": "bulk commands",
                "ordering": ["-requested_at", "-pk"],
            },
        ),
        migrations.CreateModel(
            name="Command",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("action", models.CharField(max_length=40, verbose_name="action")),
                ("payload", models.JSONField(default=dict, verbose_name="request")),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("queued", "Queued"),
                            ("sent", "Sent"),
                            ("accepted", "Accepted"),
                            ("rejected", "Rejected"),
                            ("timeout", "No answer"),
                            ("failed", "Failed"),
                        ],
                        default="queued",
                        max_length=8,
                        verbose_name="status",
                    ),
                ),
                ("answer", models.JSONField(blank=True, null=True, verbose_name="answer")),
                ("error", models.CharField(blank=True, max_length=300, verbose_name="error")),
                ("correlation_id", models.UUIDField(unique=True, verbose_name="correlation id")),
                ("requested_at", models.DateTimeField(verbose_name="requested at")),
                ("sent_at", models.DateTimeField(blank=True, null=True, verbose_name="sent at")),
                (
                    "answered_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="answered at"),
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
                    "station",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="commands",
                        to="chargers.chargingstation",
                    ),
                ),
                ("reason", models.CharField(blank=True, max_length=200, verbose_name="reason")),
                (
                    "batch",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="commands",
                        to="chargers.commandbatch",
                    ),
                ),
            ],
            options={
                "verbose_name": "command",
                "verbose_name_plural": "commands",
                "ordering": ["-requested_at", "-pk"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("status__in", ["queued", "sent"])),
                        fields=["requested_at"],
                        name="command_open",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Evse",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("evse_id", models.PositiveIntegerField(verbose_name="EVSE")),
                (
                    "station",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="evses",
                        to="chargers.chargingstation",
                    ),
                ),
            ],
            options={
                "verbose_name": "EVSE",
                "verbose_name_plural": "EVSEs",
                "ordering": ["station", "evse_id"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("station", "evse_id"), name="evse_unique_in_station"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Connector",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("connector_id", models.PositiveIntegerField(verbose_name="connector")),
                ("type", models.CharField(blank=True, max_length=20, verbose_name="type")),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("Available", "Available"),
                            ("Occupied", "Occupied"),
                            ("Reserved", "Reserved"),
                            ("Unavailable", "Unavailable"),
                            ("Faulted", "Faulted"),
                            ("Unknown", "Unknown"),
                        ],
                        default="Unknown",
                        max_length=12,
                        verbose_name="status",
                    ),
                ),
                (
                    "status_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="status since"),
                ),
                (
                    "evse",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="connectors",
                        to="chargers.evse",
                    ),
                ),
                (
                    "error_code",
                    models.CharField(blank=True, max_length=50, verbose_name="error code"),
                ),
            ],
            options={
                "verbose_name": "connector",
                "verbose_name_plural": "connectors",
                "ordering": ["evse", "connector_id"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("evse", "connector_id"), name="connector_unique_in_evse"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="TokenGroup",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("group_id", models.CharField(max_length=36, unique=True, verbose_name="group id")),
                ("name", models.CharField(blank=True, max_length=100, verbose_name="name")),
                (
                    "is_one_at_a_time",
                    models.BooleanField(
                        default=False,
                        help_text="A token of this group may charge at one station at a time.",
                        verbose_name="one session at a time",
                    ),
                ),
            ],
            options={
                "verbose_name": "token group",
                "verbose_name_plural": "token groups",
                "ordering": ["group_id"],
            },
        ),
        migrations.CreateModel(
            name="IdToken",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("id_token", models.CharField(max_length=36, verbose_name="token")),
                (
                    "type",
                    models.CharField(
                        choices=[
                            ("Central", "Central"),
                            ("eMAID", "Contract (eMAID)"),
                            ("ISO14443", "RFID card (ISO 14443)"),
                            ("ISO15693", "RFID card (ISO 15693)"),
                            ("KeyCode", "Key code"),
                            ("Local", "Local"),
                            ("MacAddress", "MAC address"),
                            ("NoAuthorization", "No authorization"),
                        ],
                        default="ISO14443",
                        max_length=15,
                        verbose_name="type",
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("Accepted", "Accepted"),
                            ("Blocked", "Blocked"),
                            ("Expired", "Expired"),
                            ("Invalid", "Invalid"),
                        ],
                        default="Accepted",
                        max_length=8,
                        verbose_name="status",
                    ),
                ),
                (
                    "expires_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="expires at"),
                ),
                ("note", models.CharField(blank=True, max_length=200, verbose_name="note")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="created at")),
                (
                    "charging_priority",
                    models.SmallIntegerField(default=0, verbose_name="charging priority"),
                ),
                (
                    "is_in_local_lists",
                    models.BooleanField(default=True, verbose_name="in local lists"),
                ),
                (
                    "valid_from",
                    models.DateTimeField(blank=True, null=True, verbose_name="valid from"),
                ),
                (
                    "group",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="tokens",
                        to="chargers.tokengroup",
                        verbose_name="group",
                    ),
                ),
            ],
            options={
                "verbose_name": "token",
                "verbose_name_plural": "tokens",
                "ordering": ["id_token"],
                "constraints": [
                    models.UniqueConstraint(
                        django.db.models.functions.text.Upper("id_token"),
                        name="id_token_unique_without_case",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="RefusedConnection",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("station_id", models.CharField(max_length=48, verbose_name="station id")),
                ("path", models.CharField(max_length=200, verbose_name="path")),
                ("status", models.PositiveSmallIntegerField(verbose_name="HTTP status")),
                (
                    "reason",
                    models.CharField(
                        choices=[
                            ("unknown_station", "Unknown station"),
                            ("missing_password", "No password sent"),
                            ("bad_password", "Wrong password"),
                            ("subprotocol", "OCPP version not offered"),
                            ("tls_required", "Connection without TLS"),
                            ("missing_certificate", "No client certificate sent"),
                            ("bad_certificate", "Wrong client certificate"),
                        ],
                        max_length=20,
                        verbose_name="reason",
                    ),
                ),
                (
                    "remote",
                    models.CharField(blank=True, max_length=64, verbose_name="from address"),
                ),
                ("count", models.PositiveBigIntegerField(default=1, verbose_name="times")),
                ("first_at", models.DateTimeField(verbose_name="first time")),
                ("at", models.DateTimeField(verbose_name="last time")),
            ],
            options={
                "verbose_name": "refused connection",
                "verbose_name_plural": "refused connections",
                "ordering": ["-at"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("station_id", "reason"), name="refused_connection_counted"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Session",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "connector_id",
                    models.PositiveIntegerField(blank=True, null=True, verbose_name="connector"),
                ),
                ("transaction_id", models.CharField(max_length=36, verbose_name="transaction id")),
                ("id_token", models.CharField(blank=True, max_length=255, verbose_name="token")),
                (
                    "id_token_type",
                    models.CharField(blank=True, max_length=20, verbose_name="token type"),
                ),
                (
                    "remote_start_id",
                    models.BigIntegerField(blank=True, null=True, verbose_name="remote start id"),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("active", "Active"), ("ended", "Ended")],
                        default="active",
                        max_length=6,
                        verbose_name="state",
                    ),
                ),
                (
                    "charging_state",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("Charging", "Charging"),
                            ("EVConnected", "Car connected"),
                            ("SuspendedEV", "Suspended by the car"),
                            ("SuspendedEVSE", "Suspended by the station"),
                            ("Idle", "Idle"),
                        ],
                        max_length=15,
                        verbose_name="charging state",
                    ),
                ),
                ("started_at", models.DateTimeField(verbose_name="started at")),
                ("ended_at", models.DateTimeField(blank=True, null=True, verbose_name="ended at")),
                (
                    "stopped_reason",
                    models.CharField(blank=True, max_length=30, verbose_name="stopped because"),
                ),
                (
                    "start_meter_kwh",
                    models.DecimalField(
                        blank=True,
                        decimal_places=9,
                        max_digits=24,
                        null=True,
                        verbose_name="meter at start (kWh)",
                    ),
                ),
                (
                    "meter_kwh",
                    models.DecimalField(
                        blank=True,
                        decimal_places=9,
                        max_digits=24,
                        null=True,
                        verbose_name="meter (kWh)",
                    ),
                ),
                (
                    "energy_kwh",
                    models.DecimalField(
                        decimal_places=9, default=0, max_digits=24, verbose_name="energy (kWh)"
                    ),
                ),
                (
                    "meter_went_backwards",
                    models.BooleanField(default=False, verbose_name="meter went backwards"),
                ),
                ("power_kw", models.FloatField(default=0.0, verbose_name="power (kW)")),
                (
                    "soc_percent",
                    models.FloatField(blank=True, null=True, verbose_name="state of charge (%)"),
                ),
                (
                    "measured_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="measured at"),
                ),
                ("first_seq_no", models.BigIntegerField(default=0, editable=False)),
                (
                    "last_seq_no",
                    models.BigIntegerField(default=0, verbose_name="last sequence number"),
                ),
                ("events_count", models.PositiveIntegerField(default=0, verbose_name="events")),
                ("updated_at", models.DateTimeField(auto_now=True, verbose_name="updated at")),
                (
                    "evse",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="sessions",
                        to="chargers.evse",
                    ),
                ),
                (
                    "station",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="sessions",
                        to="chargers.chargingstation",
                    ),
                ),
                ("is_numbered", models.BooleanField(default=True, editable=False)),
                (
                    "checked_at",
                    models.DateTimeField(
                        blank=True,
                        help_text="When somebody found that a doubtful session may be billed",
                        null=True,
                        verbose_name="checked at",
                    ),
                ),
            ],
            options={
                "verbose_name": "charging session",
                "verbose_name_plural": "charging sessions",
                "ordering": ["-started_at", "-pk"],
                "indexes": [
                    models.Index(fields=["-started_at", "-id"], name="session_started"),
                    models.Index(
                        condition=models.Q(("state", "active")),
                        fields=["station"],
                        name="session_live",
                    ),
                    models.Index(
                        condition=models.Q(("state", "ended")),
                        fields=["ended_at"],
                        name="session_ended",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("station", "transaction_id"), name="session_unique_transaction"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("energy_kwh__gte", 0)),
                        name="session_energy_not_negative",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("ended_at__isnull", True), ("state", "active")),
                            models.Q(("ended_at__isnull", False), ("state", "ended")),
                            _connector="OR",
                        ),
                        name="session_ended_has_end",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="MeterValue",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("evse_number", models.PositiveIntegerField(default=0, verbose_name="EVSE")),
                ("seq_no", models.BigIntegerField(blank=True, null=True)),
                ("ordinal", models.PositiveIntegerField(default=0)),
                ("at", models.DateTimeField(verbose_name="at")),
                ("measurand", models.CharField(max_length=50, verbose_name="measurand")),
                ("phase", models.CharField(blank=True, max_length=5, verbose_name="phase")),
                ("location", models.CharField(blank=True, max_length=10, verbose_name="location")),
                ("context", models.CharField(blank=True, max_length=20, verbose_name="context")),
                (
                    "value",
                    models.DecimalField(decimal_places=9, max_digits=24, verbose_name="value"),
                ),
                ("unit", models.CharField(blank=True, max_length=20, verbose_name="unit")),
                (
                    "station",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="chargers.chargingstation",
                    ),
                ),
                (
                    "session",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="meter_values",
                        to="chargers.session",
                    ),
                ),
            ],
            options={
                "verbose_name": "meter value",
                "verbose_name_plural": "meter values",
                "ordering": ["at", "pk"],
                "indexes": [
                    models.Index(fields=["measurand", "at"], name="meter_value_measurand_at")
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("session__isnull", False)),
                        fields=("session", "seq_no", "ordinal"),
                        name="meter_value_once_in_event",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("session__isnull", True)),
                        fields=(
                            "station",
                            "evse_number",
                            "at",
                            "measurand",
                            "phase",
                            "location",
                            "context",
                        ),
                        name="meter_value_once_at_evse",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="SessionEvent",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("seq_no", models.BigIntegerField(verbose_name="sequence number")),
                (
                    "event_type",
                    models.CharField(
                        choices=[
                            ("Started", "Started"),
                            ("Updated", "Updated"),
                            ("Ended", "Ended"),
                        ],
                        max_length=7,
                        verbose_name="event",
                    ),
                ),
                (
                    "trigger_reason",
                    models.CharField(blank=True, max_length=25, verbose_name="trigger"),
                ),
                ("at", models.DateTimeField(verbose_name="at")),
                ("is_offline", models.BooleanField(default=False, verbose_name="sent later")),
                (
                    "payload",
                    models.TextField(
                        help_text="The JSON text as the station sent it", verbose_name="payload"
                    ),
                ),
                ("received_at", models.DateTimeField(verbose_name="received at")),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="events",
                        to="chargers.session",
                    ),
                ),
            ],
            options={
                "verbose_name": "session event",
                "verbose_name_plural": "session events",
                "ordering": ["session", "seq_no"],
                "constraints": [
                    models.UniqueConstraint(fields=("session", "seq_no"), name="session_event_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="StationMessage",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "direction",
                    models.CharField(
                        choices=[("in", "From the station"), ("out", "To the station")],
                        max_length=3,
                        verbose_name="direction",
                    ),
                ),
                (
                    "message_type",
                    models.PositiveSmallIntegerField(blank=True, null=True, verbose_name="type"),
                ),
                (
                    "message_id",
                    models.CharField(blank=True, max_length=36, verbose_name="message id"),
                ),
                ("action", models.CharField(blank=True, max_length=50, verbose_name="action")),
                ("payload", models.TextField(verbose_name="frame")),
                ("error", models.CharField(blank=True, max_length=300, verbose_name="error")),
                ("received_at", models.DateTimeField(verbose_name="at")),
                (
                    "station",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="messages",
                        to="chargers.chargingstation",
                    ),
                ),
            ],
            options={
                "verbose_name": "station message",
                "verbose_name_plural": "station messages",
                "ordering": ["-received_at", "-pk"],
                "indexes": [
                    models.Index(fields=["-received_at", "-id"], name="station_message_at"),
                    models.Index(
                        fields=["station", "-received_at"], name="station_message_station"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="CertificateAuthority",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=100, unique=True, verbose_name="name")),
                ("certificate", models.TextField(verbose_name="certificate (PEM)")),
                ("private_key", apps.tenants.fields.EncryptedTextField(verbose_name="private key")),
                ("valid_to", models.DateTimeField(verbose_name="valid to")),
                ("is_active", models.BooleanField(default=True, verbose_name="active")),
                ("created_at", models.DateTimeField(verbose_name="created at")),
            ],
            options={
                "verbose_name": "certificate authority",
                "verbose_name_plural": "certificate authorities",
                "ordering": ["name"],
            },
        ),
        migrations.CreateModel(
            name="LoadGroup",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=100, unique=True, verbose_name="name")),
                (
                    "cap_a",
                    models.FloatField(
                        validators=[django.core.validators.MinValueValidator(0)],
                        verbose_name="cap per phase (A)",
                    ),
                ),
                (
                    "voltage_v",
                    models.FloatField(
                        default=230,
                        validators=[django.core.validators.MinValueValidator(100)],
                        verbose_name="voltage (V)",
                    ),
                ),
                (
                    "floor_a",
                    models.FloatField(
                        default=6,
                        help_text="IEC 61851: below 6 A a car stops; who gets less is paused.",
                        validators=[django.core.validators.MinValueValidator(0)],
                        verbose_name="least current of a car (A)",
                    ),
                ),
                ("is_active", models.BooleanField(default=True, verbose_name="active")),
                (
                    "balanced_at",
                    models.DateTimeField(
                        blank=True, editable=False, null=True, verbose_name="balanced at"
                    ),
                ),
                (
                    "site",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="load_groups",
                        to="assets.site",
                        verbose_name="site",
                    ),
                ),
            ],
            options={
                "verbose_name": "load group",
                "verbose_name_plural": "load groups",
                "ordering": ["name"],
            },
        ),
        migrations.CreateModel(
            name="LocalList",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("version", models.PositiveIntegerField(default=0, verbose_name="version sent")),
                (
                    "confirmed_version",
                    models.IntegerField(default=0, verbose_name="version confirmed"),
                ),
                ("entries", models.JSONField(blank=True, default=dict, verbose_name="entries")),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("unknown", "Unknown"),
                            ("current", "Up to date"),
                            ("sending", "On its way"),
                            ("failed", "Failed"),
                            ("none", "Not supported"),
                        ],
                        default="unknown",
                        max_length=9,
                        verbose_name="status",
                    ),
                ),
                (
                    "updated_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="updated at"),
                ),
                (
                    "station",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="local_list",
                        to="chargers.chargingstation",
                    ),
                ),
            ],
            options={
                "verbose_name": "local list",
                "verbose_name_plural": "local lists",
                "ordering": ["station"],
            },
        ),
        migrations.CreateModel(
            name="StationCertificate",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "use",
                    models.CharField(
                        choices=[
                            ("ChargingStationCertificate", "Identity of the station"),
                            ("V2GCertificate", "Identity towards cars"),
                            ("V2G20Certificate", "Identity towards cars (ISO 15118-20)"),
                            ("V2GCertificateChain", "Chain of the identity towards cars"),
                            ("CSMSRootCertificate", "Root of the CSMS"),
                            ("ManufacturerRootCertificate", "Root of the manufacturer"),
                            ("MORootCertificate", "Root of mobility operators"),
                            ("V2GRootCertificate", "Root of V2G"),
                            ("OEMRootCertificate", "Root of a car maker"),
                        ],
                        max_length=30,
                        verbose_name="use",
                    ),
                ),
                ("pem", models.TextField(blank=True, verbose_name="certificate (PEM)")),
                ("csr", models.TextField(blank=True, verbose_name="signing request (PEM)")),
                (
                    "serial_number",
                    models.CharField(blank=True, max_length=64, verbose_name="serial number"),
                ),
                ("subject", models.CharField(blank=True, max_length=300, verbose_name="subject")),
                ("issuer", models.CharField(blank=True, max_length=300, verbose_name="issuer")),
                (
                    "valid_from",
                    models.DateTimeField(blank=True, null=True, verbose_name="valid from"),
                ),
                ("valid_to", models.DateTimeField(blank=True, null=True, verbose_name="valid to")),
                ("hash_data", models.JSONField(blank=True, default=dict, verbose_name="hash data")),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("asked", "Requested"),
                            ("running", "Running"),
                            ("done", "Done"),
                            ("failed", "Failed"),
                            ("ended", "Ended"),
                        ],
                        default="asked",
                        max_length=8,
                        verbose_name="status",
                    ),
                ),
                ("created_at", models.DateTimeField(verbose_name="created at")),
                ("ended_at", models.DateTimeField(blank=True, null=True, verbose_name="ended at")),
                (
                    "station",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="certificates",
                        to="chargers.chargingstation",
                    ),
                ),
            ],
            options={
                "verbose_name": "certificate of a station",
                "verbose_name_plural": "certificates of stations",
                "ordering": ["-pk"],
            },
        ),
        migrations.CreateModel(
            name="ChargingProfile",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("evse_number", models.PositiveIntegerField(default=0, verbose_name="EVSE")),
                ("profile_id", models.BigIntegerField(verbose_name="profile id")),
                ("stack_level", models.PositiveIntegerField(default=0, verbose_name="stack level")),
                (
                    "purpose",
                    models.CharField(
                        choices=[
                            ("ChargingStationExternalConstraints", "External limits"),
                            ("ChargingStationMaxProfile", "Most of the station"),
                            ("TxDefaultProfile", "Default of sessions"),
                            ("TxProfile", "One session"),
                            ("PriorityCharging", "Priority charging"),
                            ("LocalGeneration", "Local generation"),
                        ],
                        max_length=35,
                        verbose_name="purpose",
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("Absolute", "Absolute"),
                            ("Recurring", "Recurring"),
                            ("Relative", "Relative"),
                            ("Dynamic", "Dynamic"),
                        ],
                        max_length=10,
                        verbose_name="kind",
                    ),
                ),
                (
                    "recurrency",
                    models.CharField(
                        blank=True,
                        choices=[("Daily", "Daily"), ("Weekly", "Weekly")],
                        max_length=6,
                        verbose_name="recurrence",
                    ),
                ),
                (
                    "valid_from",
                    models.DateTimeField(blank=True, null=True, verbose_name="valid from"),
                ),
                ("valid_to", models.DateTimeField(blank=True, null=True, verbose_name="valid to")),
                ("schedules", models.JSONField(verbose_name="schedules")),
                (
                    "source",
                    models.CharField(
                        choices=[
                            ("operator", "Operator"),
                            ("load_group", "Load group"),
                            ("plan", "Plan"),
                            ("partner", "Partner"),
                            ("station", "Station"),
                        ],
                        max_length=10,
                        verbose_name="source",
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("requested", "Requested"),
                            ("accepted", "In force"),
                            ("rejected", "Rejected"),
                            ("cleared", "Cleared"),
                            ("ended", "Ended"),
                        ],
                        default="requested",
                        max_length=9,
                        verbose_name="status",
                    ),
                ),
                ("requested_at", models.DateTimeField(verbose_name="requested at")),
                ("ended_at", models.DateTimeField(blank=True, null=True, verbose_name="ended at")),
                (
                    "command",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="chargers.command",
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
                    "session",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="charging_profiles",
                        to="chargers.session",
                    ),
                ),
                (
                    "station",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="charging_profiles",
                        to="chargers.chargingstation",
                    ),
                ),
                (
                    "ends_offline",
                    models.BooleanField(default=False, verbose_name="ends after that time"),
                ),
                (
                    "offline_limit_s",
                    models.PositiveIntegerField(
                        blank=True, null=True, verbose_name="longest time offline (s)"
                    ),
                ),
                (
                    "update_interval_s",
                    models.PositiveIntegerField(
                        blank=True, null=True, verbose_name="update interval (s)"
                    ),
                ),
                (
                    "update_waiting",
                    models.JSONField(blank=True, null=True, verbose_name="values to come"),
                ),
                (
                    "updated_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="values since"),
                ),
            ],
            options={
                "verbose_name": "charging profile",
                "verbose_name_plural": "charging profiles",
                "ordering": ["-pk"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("status__in", ["requested", "accepted"])),
                        fields=("station", "profile_id"),
                        name="charging_profile_once_in_force",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ConnectionChange",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("is_online", models.BooleanField(verbose_name="online")),
                ("at", models.DateTimeField(verbose_name="at")),
                (
                    "station",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="connection_changes",
                        to="chargers.chargingstation",
                    ),
                ),
            ],
            options={
                "verbose_name": "connection change",
                "verbose_name_plural": "connection changes",
                "ordering": ["-at", "-pk"],
                "indexes": [models.Index(fields=["station", "-at"], name="connection_change_at")],
            },
        ),
        migrations.CreateModel(
            name="ConnectorStatusChange",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("Available", "Available"),
                            ("Occupied", "Occupied"),
                            ("Reserved", "Reserved"),
                            ("Unavailable", "Unavailable"),
                            ("Faulted", "Faulted"),
                            ("Unknown", "Unknown"),
                        ],
                        max_length=12,
                        verbose_name="status",
                    ),
                ),
                (
                    "error_code",
                    models.CharField(blank=True, max_length=50, verbose_name="error code"),
                ),
                ("at", models.DateTimeField(verbose_name="at")),
                (
                    "connector",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="status_changes",
                        to="chargers.connector",
                    ),
                ),
            ],
            options={
                "verbose_name": "status change",
                "verbose_name_plural": "status changes",
                "ordering": ["-at", "-pk"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("connector", "at"), name="connector_status_change_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="DeviceVariable",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("component", models.CharField(max_length=50, verbose_name="component")),
                (
                    "component_instance",
                    models.CharField(blank=True, max_length=50, verbose_name="instance"),
                ),
                ("evse_number", models.PositiveIntegerField(default=0, verbose_name="EVSE")),
                (
                    "connector_number",
                    models.PositiveIntegerField(default=0, verbose_name="connector"),
                ),
                ("variable", models.CharField(max_length=50, verbose_name="variable")),
                (
                    "variable_instance",
                    models.CharField(blank=True, max_length=50, verbose_name="variable instance"),
                ),
                (
                    "attribute",
                    models.CharField(default="Actual", max_length=6, verbose_name="attribute"),
                ),
                ("value", models.TextField(blank=True, verbose_name="value")),
                (
                    "mutability",
                    models.CharField(blank=True, max_length=9, verbose_name="mutability"),
                ),
                ("unit", models.CharField(blank=True, max_length=16, verbose_name="unit")),
                (
                    "data_type",
                    models.CharField(blank=True, max_length=12, verbose_name="data type"),
                ),
                ("reported_at", models.DateTimeField(verbose_name="reported at")),
                (
                    "station",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="variables",
                        to="chargers.chargingstation",
                    ),
                ),
            ],
            options={
                "verbose_name": "variable of a station",
                "verbose_name_plural": "variables of stations",
                "ordering": ["station", "component", "evse_number", "variable"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=(
                            "station",
                            "component",
                            "component_instance",
                            "evse_number",
                            "connector_number",
                            "variable",
                            "variable_instance",
                            "attribute",
                        ),
                        name="device_variable_once",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="FirmwareJob",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("request_id", models.BigIntegerField(verbose_name="request id")),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("asked", "Requested"),
                            ("running", "Running"),
                            ("done", "Done"),
                            ("failed", "Failed"),
                            ("ended", "Ended"),
                        ],
                        default="asked",
                        max_length=8,
                        verbose_name="status",
                    ),
                ),
                (
                    "station_status",
                    models.CharField(blank=True, max_length=40, verbose_name="said by the station"),
                ),
                ("history", models.JSONField(blank=True, default=list, verbose_name="history")),
                ("requested_at", models.DateTimeField(verbose_name="requested at")),
                ("ended_at", models.DateTimeField(blank=True, null=True, verbose_name="ended at")),
                ("location", models.CharField(max_length=512, verbose_name="address of the file")),
                ("retrieve_at", models.DateTimeField(verbose_name="fetch from")),
                (
                    "install_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="install from"),
                ),
                (
                    "signing_certificate",
                    models.TextField(blank=True, verbose_name="signing certificate"),
                ),
                ("signature", models.TextField(blank=True, verbose_name="signature")),
                (
                    "command",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="chargers.command",
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
                    "station",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="firmware_jobs",
                        to="chargers.chargingstation",
                    ),
                ),
            ],
            options={
                "verbose_name": "firmware job",
                "verbose_name_plural": "firmware jobs",
                "ordering": ["-pk"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("station", "request_id"), name="firmware_job_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="LoadGroupMember",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "priority",
                    models.PositiveSmallIntegerField(
                        default=0, help_text="Higher is served first.", verbose_name="priority"
                    ),
                ),
                (
                    "most_a",
                    models.FloatField(
                        default=32,
                        validators=[django.core.validators.MinValueValidator(0)],
                        verbose_name="most (A)",
                    ),
                ),
                ("phases", models.PositiveSmallIntegerField(default=3, verbose_name="phases")),
                (
                    "limit_a",
                    models.FloatField(
                        blank=True, editable=False, null=True, verbose_name="limit now (A)"
                    ),
                ),
                (
                    "limit_since",
                    models.DateTimeField(
                        blank=True, editable=False, null=True, verbose_name="limit since"
                    ),
                ),
                (
                    "evse",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="load_membership",
                        to="chargers.evse",
                    ),
                ),
                (
                    "group",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="members",
                        to="chargers.loadgroup",
                    ),
                ),
            ],
            options={
                "verbose_name": "EVSE of a load group",
                "verbose_name_plural": "EVSEs of load groups",
                "ordering": ["group", "-priority", "pk"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("phases__in", [1, 2, 3])),
                        name="load_group_member_phases",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="LogJob",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("request_id", models.BigIntegerField(verbose_name="request id")),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("asked", "Requested"),
                            ("running", "Running"),
                            ("done", "Done"),
                            ("failed", "Failed"),
                            ("ended", "Ended"),
                        ],
                        default="asked",
                        max_length=8,
                        verbose_name="status",
                    ),
                ),
                (
                    "station_status",
                    models.CharField(blank=True, max_length=40, verbose_name="said by the station"),
                ),
                ("history", models.JSONField(blank=True, default=list, verbose_name="history")),
                ("requested_at", models.DateTimeField(verbose_name="requested at")),
                ("ended_at", models.DateTimeField(blank=True, null=True, verbose_name="ended at")),
                ("log_type", models.CharField(max_length=20, verbose_name="log")),
                ("oldest_at", models.DateTimeField(blank=True, null=True, verbose_name="from")),
                ("latest_at", models.DateTimeField(blank=True, null=True, verbose_name="until")),
                ("upload_secret", models.CharField(editable=False, max_length=64, unique=True)),
                (
                    "file",
                    models.FileField(blank=True, upload_to="station-logs/", verbose_name="file"),
                ),
                (
                    "size_bytes",
                    models.PositiveBigIntegerField(default=0, verbose_name="size (bytes)"),
                ),
                (
                    "command",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="chargers.command",
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
                    "station",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="log_jobs",
                        to="chargers.chargingstation",
                    ),
                ),
            ],
            options={
                "verbose_name": "log job",
                "verbose_name_plural": "log jobs",
                "ordering": ["-pk"],
                "constraints": [
                    models.UniqueConstraint(fields=("station", "request_id"), name="log_job_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="ReportRun",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("request_id", models.BigIntegerField(verbose_name="request id")),
                ("kind", models.CharField(max_length=30, verbose_name="kind")),
                ("parts_count", models.PositiveIntegerField(default=0, verbose_name="parts")),
                ("requested_at", models.DateTimeField(verbose_name="requested at")),
                (
                    "completed_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="completed at"),
                ),
                (
                    "station",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="reports",
                        to="chargers.chargingstation",
                    ),
                ),
                (
                    "parts",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.PositiveIntegerField(),
                        blank=True,
                        default=list,
                        editable=False,
                        size=None,
                    ),
                ),
                (
                    "last_part",
                    models.PositiveIntegerField(blank=True, null=True, verbose_name="last part"),
                ),
            ],
            options={
                "verbose_name": "report of a station",
                "verbose_name_plural": "reports of stations",
                "ordering": ["-pk"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("station", "request_id"), name="report_run_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Reservation",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "evse_number",
                    models.PositiveIntegerField(blank=True, null=True, verbose_name="EVSE"),
                ),
                (
                    "connector_type",
                    models.CharField(blank=True, max_length=20, verbose_name="connector type"),
                ),
                ("id_token", models.CharField(max_length=36, verbose_name="token")),
                ("id_token_type", models.CharField(max_length=20, verbose_name="token type")),
                (
                    "group_id_token",
                    models.CharField(blank=True, max_length=36, verbose_name="group token"),
                ),
                ("starts_at", models.DateTimeField(verbose_name="from")),
                ("expires_at", models.DateTimeField(verbose_name="until")),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("requested", "Requested"),
                            ("accepted", "Accepted"),
                            ("refused", "Refused by the station"),
                            ("used", "Used"),
                            ("cancelled", "Cancelled"),
                            ("expired", "Expired"),
                            ("removed", "Removed by the station"),
                        ],
                        default="requested",
                        max_length=10,
                        verbose_name="status",
                    ),
                ),
                ("requested_at", models.DateTimeField(verbose_name="requested at")),
                ("ended_at", models.DateTimeField(blank=True, null=True, verbose_name="ended at")),
                (
                    "command",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="chargers.command",
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
                    "session",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="reservations",
                        to="chargers.session",
                    ),
                ),
                (
                    "station",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="reservations",
                        to="chargers.chargingstation",
                    ),
                ),
            ],
            options={
                "verbose_name": "reservation",
                "verbose_name_plural": "reservations",
                "ordering": ["-starts_at", "-pk"],
                "indexes": [
                    models.Index(fields=["station", "starts_at"], name="reservation_of_station")
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("expires_at__gt", models.F("starts_at"))),
                        name="reservation_ends_after_start",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="SecurityEvent",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("type", models.CharField(max_length=50, verbose_name="type")),
                ("at", models.DateTimeField(verbose_name="at")),
                ("tech_info", models.CharField(blank=True, max_length=255, verbose_name="details")),
                ("is_critical", models.BooleanField(default=False, verbose_name="critical")),
                (
                    "acknowledged_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="acknowledged at"),
                ),
                (
                    "station",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="security_events",
                        to="chargers.chargingstation",
                    ),
                ),
            ],
            options={
                "verbose_name": "security event",
                "verbose_name_plural": "security events",
                "ordering": ["-at", "-pk"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("station", "type", "at", "tech_info"), name="security_event_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="SignedMeterValue",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("seq_no", models.BigIntegerField(verbose_name="sequence number")),
                ("ordinal", models.PositiveIntegerField(default=0)),
                ("at", models.DateTimeField(verbose_name="at")),
                ("context", models.CharField(blank=True, max_length=20, verbose_name="context")),
                (
                    "encoding_method",
                    models.CharField(blank=True, max_length=50, verbose_name="encoding"),
                ),
                (
                    "signing_method",
                    models.CharField(blank=True, max_length=50, verbose_name="signing method"),
                ),
                ("public_key", models.TextField(blank=True, verbose_name="public key")),
                ("signed_data", models.TextField(verbose_name="signed value")),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="signed_values",
                        to="chargers.session",
                    ),
                ),
            ],
            options={
                "verbose_name": "signed meter value",
                "verbose_name_plural": "signed meter values",
                "ordering": ["session", "seq_no", "ordinal"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("session", "seq_no", "ordinal"), name="signed_meter_value_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="StationEvent",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "event_id",
                    models.BigIntegerField(blank=True, null=True, verbose_name="event id"),
                ),
                ("at", models.DateTimeField(verbose_name="at")),
                ("trigger", models.CharField(blank=True, max_length=10, verbose_name="trigger")),
                ("component", models.CharField(max_length=50, verbose_name="component")),
                ("variable", models.CharField(max_length=50, verbose_name="variable")),
                ("evse_number", models.PositiveIntegerField(default=0, verbose_name="EVSE")),
                (
                    "connector_number",
                    models.PositiveIntegerField(default=0, verbose_name="connector"),
                ),
                ("value", models.TextField(blank=True, verbose_name="value")),
                (
                    "tech_code",
                    models.CharField(blank=True, max_length=50, verbose_name="fault code"),
                ),
                (
                    "tech_text",
                    models.CharField(blank=True, max_length=500, verbose_name="fault text"),
                ),
                (
                    "severity",
                    models.PositiveSmallIntegerField(
                        blank=True, null=True, verbose_name="severity"
                    ),
                ),
                ("is_cleared", models.BooleanField(default=False, verbose_name="cleared")),
                (
                    "station",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="station_events",
                        to="chargers.chargingstation",
                    ),
                ),
            ],
            options={
                "verbose_name": "event of a station",
                "verbose_name_plural": "events of stations",
                "ordering": ["-at", "-pk"],
                "indexes": [models.Index(fields=["station", "-at"], name="station_event_at")],
            },
        ),
        migrations.CreateModel(
            name="TestPayment",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "reference",
                    models.CharField(max_length=40, unique=True, verbose_name="reference"),
                ),
                (
                    "amount",
                    models.DecimalField(decimal_places=2, max_digits=8, verbose_name="amount"),
                ),
                ("currency", models.CharField(max_length=3, verbose_name="currency")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "Waiting for the person"),
                            ("authorised", "Authorised"),
                            ("refused", "Refused"),
                            ("captured", "Taken"),
                            ("voided", "Released"),
                            ("refunded", "Given back"),
                        ],
                        default="pending",
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                (
                    "captured_amount",
                    models.DecimalField(
                        decimal_places=2,
                        default=Decimal("0"),
                        max_digits=8,
                        verbose_name="amount taken",
                    ),
                ),
                (
                    "refunded_amount",
                    models.DecimalField(
                        decimal_places=2,
                        default=Decimal("0"),
                        max_digits=8,
                        verbose_name="amount given back",
                    ),
                ),
                ("return_url", models.CharField(editable=False, max_length=500)),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="created at")),
            ],
            options={
                "verbose_name": "test payment",
                "verbose_name_plural": "test payments",
                "ordering": ["-pk"],
            },
        ),
        migrations.CreateModel(
            name="AdHocSettings",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("singleton", models.BooleanField(default=True, editable=False, unique=True)),
                (
                    "provider",
                    models.CharField(
                        blank=True,
                        help_text="Empty: nobody can charge without a contract.",
                        max_length=30,
                        verbose_name="payment provider",
                    ),
                ),
                (
                    "authorised_amount",
                    models.DecimalField(
                        decimal_places=2,
                        default=Decimal("30.00"),
                        help_text="Held on the card before charging starts. No more than this is ever taken.",
                        max_digits=8,
                        validators=[django.core.validators.MinValueValidator(Decimal("0.01"))],
                        verbose_name="amount to authorise",
                    ),
                ),
                (
                    "help_contact",
                    models.CharField(
                        blank=True,
                        help_text="A telephone number or an e-mail address for people at a station.",
                        max_length=100,
                        verbose_name="help",
                    ),
                ),
            ],
            options={
                "verbose_name": "ad hoc payment settings",
                "verbose_name_plural": "ad hoc payment settings",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("singleton", True)), name="ad_hoc_settings_only_one"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("authorised_amount__gte", 0)),
                        name="ad_hoc_amount_not_negative",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="CostTold",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "amount",
                    models.DecimalField(decimal_places=4, max_digits=14, verbose_name="amount"),
                ),
                ("told_at", models.DateTimeField(verbose_name="told at")),
                (
                    "session",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="cost_told",
                        to="chargers.session",
                    ),
                ),
            ],
            options={
                "verbose_name": "cost told",
                "verbose_name_plural": "costs told",
            },
        ),
        migrations.CreateModel(
            name="AdHocCharge",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("key_hash", models.CharField(editable=False, max_length=64, unique=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("paying", "Waiting for the payment"),
                            ("starting", "Starting"),
                            ("charging", "Charging"),
                            ("settling", "Payment on its way"),
                            ("paid", "Paid"),
                            ("refunded", "Given back"),
                            ("released", "Nothing taken"),
                        ],
                        default="paying",
                        max_length=8,
                        verbose_name="state",
                    ),
                ),
                (
                    "end_reason",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("refused", "The payment was refused"),
                            ("expired", "Nobody paid in time"),
                            ("provider", "The payment provider did not answer"),
                            ("busy", "Somebody else was faster"),
                            ("station", "The station did not start"),
                            ("no_car", "No car was plugged in"),
                            ("cancelled", "Cancelled before the start"),
                            ("no_energy", "Nothing to pay"),
                        ],
                        max_length=12,
                        verbose_name="why nothing was taken",
                    ),
                ),
                ("id_token", models.CharField(editable=False, max_length=20, unique=True)),
                ("currency", models.CharField(max_length=3, verbose_name="currency")),
                (
                    "price_per_kwh_excl_vat",
                    models.DecimalField(
                        decimal_places=6,
                        max_digits=12,
                        verbose_name="price of a kWh told, excl. VAT",
                    ),
                ),
                (
                    "vat_percent",
                    models.DecimalField(decimal_places=2, max_digits=5, verbose_name="VAT (%)"),
                ),
                (
                    "authorised_amount",
                    models.DecimalField(
                        decimal_places=2, max_digits=8, verbose_name="amount authorised"
                    ),
                ),
                (
                    "captured_amount",
                    models.DecimalField(
                        blank=True,
                        decimal_places=2,
                        max_digits=8,
                        null=True,
                        verbose_name="amount taken",
                    ),
                ),
                (
                    "refunded_amount",
                    models.DecimalField(
                        decimal_places=2,
                        default=Decimal("0"),
                        max_digits=8,
                        verbose_name="amount given back",
                    ),
                ),
                (
                    "cdr_reference",
                    models.CharField(
                        blank=True, max_length=40, verbose_name="charge detail record"
                    ),
                ),
                ("provider", models.CharField(max_length=30, verbose_name="payment provider")),
                (
                    "provider_reference",
                    models.CharField(blank=True, max_length=100, verbose_name="payment"),
                ),
                ("language", models.CharField(blank=True, max_length=8, verbose_name="language")),
                ("created_at", models.DateTimeField(verbose_name="created at")),
                (
                    "authorised_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="authorised at"),
                ),
                (
                    "stop_asked_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="stop asked at"),
                ),
                (
                    "settled_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="settled at"),
                ),
                (
                    "command",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="ad_hoc_charge",
                        to="chargers.command",
                        verbose_name="start command",
                    ),
                ),
                (
                    "evse",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="ad_hoc_charges",
                        to="chargers.evse",
                        verbose_name="EVSE",
                    ),
                ),
                (
                    "session",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="ad_hoc_charge",
                        to="chargers.session",
                        verbose_name="session",
                    ),
                ),
                (
                    "price_terms",
                    models.JSONField(
                        blank=True,
                        decoder=cariflex.common.exact_json.ExactDecoder,
                        default=dict,
                        editable=False,
                        encoder=cariflex.common.exact_json.ExactEncoder,
                    ),
                ),
            ],
            options={
                "verbose_name": "ad hoc charge",
                "verbose_name_plural": "ad hoc charges",
                "ordering": ["-created_at", "-pk"],
                "permissions": [("refund_adhoccharge", "Can refund ad hoc charges")],
                "indexes": [
                    models.Index(fields=["-created_at", "-id"], name="ad_hoc_created"),
                    models.Index(
                        condition=models.Q(("state__in", ("paying", "starting", "charging"))),
                        fields=["state", "id"],
                        name="ad_hoc_open",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "starting")),
                        fields=("evse",),
                        name="ad_hoc_one_start_at_an_evse",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("captured_amount__isnull", True),
                            ("captured_amount__lte", models.F("authorised_amount")),
                            _connector="OR",
                        ),
                        name="ad_hoc_no_more_than_authorised",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("refunded_amount__gte", 0)),
                        name="ad_hoc_refund_not_negative",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="SessionTerms",
            fields=[
                (
                    "session",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="terms",
                        serialize=False,
                        to="chargers.session",
                    ),
                ),
                ("uses_priority", models.BooleanField(default=False, verbose_name="uses priority")),
                (
                    "priority_since",
                    models.DateTimeField(blank=True, null=True, verbose_name="since"),
                ),
                (
                    "allowed_transfers",
                    models.JSONField(
                        blank=True, null=True, verbose_name="energy transfers allowed"
                    ),
                ),
            ],
            options={
                "verbose_name": "terms of a session",
                "verbose_name_plural": "terms of sessions",
                "ordering": ["-session_id"],
            },
        ),
        migrations.CreateModel(
            name="EventStream",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("stream_id", models.BigIntegerField(verbose_name="stream id")),
                ("monitor_id", models.BigIntegerField(verbose_name="monitor id")),
                (
                    "component",
                    models.CharField(blank=True, max_length=50, verbose_name="component"),
                ),
                ("variable", models.CharField(blank=True, max_length=50, verbose_name="variable")),
                (
                    "interval_s",
                    models.PositiveIntegerField(blank=True, null=True, verbose_name="interval (s)"),
                ),
                (
                    "most_values",
                    models.PositiveIntegerField(blank=True, null=True, verbose_name="most values"),
                ),
                ("opened_at", models.DateTimeField(verbose_name="opened at")),
                (
                    "closed_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="closed at"),
                ),
                (
                    "pending_count",
                    models.PositiveIntegerField(default=0, verbose_name="values still to come"),
                ),
                (
                    "station",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="event_streams",
                        to="chargers.chargingstation",
                    ),
                ),
            ],
            options={
                "verbose_name": "event stream",
                "verbose_name_plural": "event streams",
                "ordering": ["-opened_at", "-pk"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("closed_at__isnull", True)),
                        fields=("station", "stream_id"),
                        name="event_stream_once_open",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="EvSchedule",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("evse_number", models.PositiveIntegerField(verbose_name="EVSE")),
                ("time_base", models.DateTimeField(verbose_name="from")),
                ("schedule", models.JSONField(verbose_name="schedule")),
                (
                    "selected_schedule_id",
                    models.BigIntegerField(blank=True, null=True, verbose_name="schedule chosen"),
                ),
                (
                    "is_tolerance_accepted",
                    models.BooleanField(null=True, verbose_name="power tolerance accepted"),
                ),
                (
                    "is_above_limit",
                    models.BooleanField(default=False, verbose_name="above its limit"),
                ),
                ("told_at", models.DateTimeField(verbose_name="told at")),
                (
                    "session",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="ev_schedules",
                        to="chargers.session",
                    ),
                ),
                (
                    "station",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="ev_schedules",
                        to="chargers.chargingstation",
                    ),
                ),
            ],
            options={
                "verbose_name": "schedule of a car",
                "verbose_name_plural": "schedules of cars",
                "ordering": ["-told_at", "-pk"],
                "indexes": [models.Index(fields=["station", "-told_at"], name="ev_schedule_told")],
            },
        ),
        migrations.CreateModel(
            name="StreamValue",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField(verbose_name="at")),
                ("value", models.CharField(blank=True, max_length=2500, verbose_name="value")),
                (
                    "stream",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="values",
                        to="chargers.eventstream",
                    ),
                ),
            ],
            options={
                "verbose_name": "value of a stream",
                "verbose_name_plural": "values of streams",
                "ordering": ["-at", "-pk"],
                "indexes": [models.Index(fields=["at"], name="stream_value_at")],
                "constraints": [
                    models.UniqueConstraint(fields=("stream", "at"), name="stream_value_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="ChargingNeeds",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("evse_number", models.PositiveIntegerField(verbose_name="EVSE")),
                ("told_at", models.DateTimeField(verbose_name="told at")),
                (
                    "requested_transfer",
                    models.CharField(max_length=20, verbose_name="energy transfer"),
                ),
                (
                    "departure_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="departure"),
                ),
                (
                    "most_schedules",
                    models.PositiveIntegerField(
                        blank=True, null=True, verbose_name="most schedules"
                    ),
                ),
                ("needs", models.JSONField(verbose_name="needs")),
                (
                    "answer",
                    models.CharField(
                        choices=[
                            ("Accepted", "A schedule follows"),
                            ("Processing", "A schedule is being made"),
                            ("NoChargingProfile", "No schedule of its own"),
                            ("Rejected", "Rejected"),
                        ],
                        max_length=17,
                        verbose_name="our answer",
                    ),
                ),
                (
                    "session",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="charging_needs",
                        to="chargers.session",
                    ),
                ),
                (
                    "station",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="charging_needs",
                        to="chargers.chargingstation",
                    ),
                ),
            ],
            options={
                "verbose_name": "needs of a car",
                "verbose_name_plural": "needs of cars",
                "ordering": ["-told_at", "-pk"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("station", "evse_number", "told_at"), name="charging_needs_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="DerAlarm",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("control_type", models.CharField(max_length=25, verbose_name="type")),
                ("fault", models.CharField(blank=True, max_length=20, verbose_name="fault")),
                ("raised_at", models.DateTimeField(verbose_name="raised at")),
                ("ended_at", models.DateTimeField(blank=True, null=True, verbose_name="ended at")),
                ("details", models.CharField(blank=True, max_length=200, verbose_name="details")),
                (
                    "station",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="der_alarms",
                        to="chargers.chargingstation",
                    ),
                ),
            ],
            options={
                "verbose_name": "DER alarm",
                "verbose_name_plural": "DER alarms",
                "ordering": ["-raised_at", "-pk"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("station", "control_type", "fault", "raised_at"),
                        name="der_alarm_once",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="DerControl",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("requested_at", models.DateTimeField(verbose_name="requested at")),
                ("control_id", models.CharField(max_length=36, verbose_name="control id")),
                ("type", models.CharField(max_length=25, verbose_name="type")),
                ("is_default", models.BooleanField(default=False, verbose_name="default")),
                ("priority", models.PositiveIntegerField(default=0, verbose_name="priority")),
                ("starts_at", models.DateTimeField(blank=True, null=True, verbose_name="from")),
                (
                    "duration_s",
                    models.FloatField(blank=True, null=True, verbose_name="duration (s)"),
                ),
                ("settings", models.JSONField(verbose_name="settings")),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("requested", "Requested"),
                            ("accepted", "Held by the station"),
                            ("rejected", "Rejected"),
                            ("cleared", "Cleared"),
                            ("ended", "Ended"),
                        ],
                        default="requested",
                        max_length=9,
                        verbose_name="status",
                    ),
                ),
                ("is_superseded", models.BooleanField(default=False, verbose_name="superseded")),
                (
                    "started_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="started at"),
                ),
                (
                    "stopped_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="stopped at"),
                ),
                (
                    "reported_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="reported at"),
                ),
                ("ended_at", models.DateTimeField(blank=True, null=True, verbose_name="ended at")),
                (
                    "command",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="chargers.command",
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
                    "station",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="der_controls",
                        to="chargers.chargingstation",
                    ),
                ),
            ],
            options={
                "verbose_name": "DER control",
                "verbose_name_plural": "DER controls",
                "ordering": ["-pk"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("status", "accepted")),
                        fields=("station", "control_id"),
                        name="der_control_once_held",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="WebhookEvent",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "event_id",
                    models.UUIDField(
                        default=cariflex.common.ids.new_id,
                        editable=False,
                        unique=True,
                        verbose_name="event id",
                    ),
                ),
                ("type", models.CharField(max_length=40, verbose_name="type")),
                (
                    "sequence",
                    models.PositiveBigIntegerField(blank=True, null=True, verbose_name="sequence"),
                ),
                ("data", models.JSONField(default=dict, verbose_name="content")),
                ("occurred_at", models.DateTimeField(verbose_name="happened at")),
                ("recorded_at", models.DateTimeField(db_index=True, verbose_name="recorded at")),
                (
                    "station",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="webhook_events",
                        to="chargers.chargingstation",
                        verbose_name="station",
                    ),
                ),
            ],
            options={
                "verbose_name": "event for webhooks",
                "verbose_name_plural": "events for webhooks",
                "ordering": ["-pk"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("sequence__isnull", True)),
                        fields=["id"],
                        name="webhook_event_waiting",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("station", "sequence"), name="webhook_event_sequence"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="WebhookSequence",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("last", models.PositiveBigIntegerField(default=0, verbose_name="last number")),
                (
                    "station",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="webhook_sequence",
                        to="chargers.chargingstation",
                    ),
                ),
            ],
            options={
                "verbose_name": "count of events",
                "verbose_name_plural": "counts of events",
            },
        ),
        migrations.CreateModel(
            name="WebhookSubscription",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=100, verbose_name="name")),
                ("url", models.CharField(max_length=500, verbose_name="address")),
                (
                    "event_types",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=40),
                        help_text="Types of events; * stands for any characters, as in session.*",
                        size=None,
                        verbose_name="events",
                    ),
                ),
                (
                    "stations",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=48),
                        help_text="Station ids; * stands for any characters, as in MARINA-*",
                        size=None,
                        verbose_name="stations",
                    ),
                ),
                ("is_active", models.BooleanField(default=True, verbose_name="active")),
                (
                    "secret",
                    apps.tenants.fields.EncryptedTextField(editable=False, verbose_name="secret"),
                ),
                (
                    "previous_secret",
                    apps.tenants.fields.EncryptedTextField(
                        blank=True, editable=False, verbose_name="previous secret"
                    ),
                ),
                (
                    "previous_secret_until",
                    models.DateTimeField(
                        blank=True, editable=False, null=True, verbose_name="previous secret until"
                    ),
                ),
                (
                    "failures",
                    models.PositiveIntegerField(
                        default=0, editable=False, verbose_name="failures in a row"
                    ),
                ),
                (
                    "retry_at",
                    models.DateTimeField(
                        blank=True, editable=False, null=True, verbose_name="tried again from"
                    ),
                ),
                (
                    "delivered_at",
                    models.DateTimeField(
                        blank=True, editable=False, null=True, verbose_name="delivered last at"
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="created at")),
                (
                    "created_by",
                    models.ForeignKey(
                        blank=True,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="created by",
                    ),
                ),
            ],
            options={
                "verbose_name": "webhook",
                "verbose_name_plural": "webhooks",
                "ordering": ["name", "pk"],
            },
        ),
        migrations.CreateModel(
            name="WebhookDelivery",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("is_replay", models.BooleanField(default=False, verbose_name="replay")),
                ("attempts", models.PositiveIntegerField(default=0, verbose_name="attempts")),
                (
                    "attempted_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="last attempt at"),
                ),
                (
                    "answer_status",
                    models.PositiveSmallIntegerField(
                        blank=True, null=True, verbose_name="HTTP status"
                    ),
                ),
                ("answer", models.CharField(blank=True, max_length=500, verbose_name="answer")),
                ("error", models.CharField(blank=True, max_length=300, verbose_name="error")),
                (
                    "duration_ms",
                    models.PositiveIntegerField(
                        blank=True, null=True, verbose_name="duration (ms)"
                    ),
                ),
                (
                    "message",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="outbox.outboxmessage",
                        verbose_name="message",
                    ),
                ),
                (
                    "event",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="deliveries",
                        to="chargers.webhookevent",
                        verbose_name="event",
                    ),
                ),
                (
                    "subscription",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="deliveries",
                        to="chargers.webhooksubscription",
                        verbose_name="webhook",
                    ),
                ),
            ],
            options={
                "verbose_name": "webhook delivery",
                "verbose_name_plural": "webhook deliveries",
                "ordering": ["-pk"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("is_replay", False)),
                        fields=("subscription", "event"),
                        name="webhook_delivery_once",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="CustomerInformation",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("requested_at", models.DateTimeField(verbose_name="requested at")),
                ("request_id", models.BigIntegerField(verbose_name="request id")),
                (
                    "reference",
                    models.CharField(
                        choices=[
                            ("idToken", "Token"),
                            ("customerIdentifier", "Identifier"),
                            ("customerCertificate", "Certificate"),
                        ],
                        max_length=19,
                        verbose_name="customer named by",
                    ),
                ),
                ("customer", models.CharField(blank=True, max_length=80, verbose_name="customer")),
                ("wants_report", models.BooleanField(default=True, verbose_name="report")),
                ("wants_clear", models.BooleanField(default=False, verbose_name="forget")),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("asked", "Requested"),
                            ("running", "Running"),
                            ("done", "Done"),
                            ("failed", "Failed"),
                            ("ended", "Ended"),
                        ],
                        default="asked",
                        max_length=8,
                        verbose_name="status",
                    ),
                ),
                (
                    "station_status",
                    models.CharField(blank=True, max_length=40, verbose_name="said by the station"),
                ),
                (
                    "parts",
                    apps.tenants.fields.EncryptedTextField(
                        blank=True, editable=False, verbose_name="told by the station"
                    ),
                ),
                (
                    "last_part",
                    models.PositiveIntegerField(
                        blank=True, editable=False, null=True, verbose_name="last part"
                    ),
                ),
                (
                    "generated_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="told at"),
                ),
                ("ended_at", models.DateTimeField(blank=True, null=True, verbose_name="ended at")),
                (
                    "command",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="chargers.command",
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
                    "station",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="customer_information",
                        to="chargers.chargingstation",
                        verbose_name="station",
                    ),
                ),
            ],
            options={
                "verbose_name": "customer information",
                "verbose_name_plural": "customer information",
                "ordering": ["-pk"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("station", "request_id"), name="customer_information_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="DisplayMessage",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("requested_at", models.DateTimeField(verbose_name="requested at")),
                ("message_id", models.PositiveBigIntegerField(verbose_name="message id")),
                (
                    "source",
                    models.CharField(
                        choices=[("operator", "Operator"), ("station", "Station")],
                        default="operator",
                        max_length=8,
                        verbose_name="source",
                    ),
                ),
                (
                    "priority",
                    models.CharField(
                        choices=[
                            ("AlwaysFront", "Always in front"),
                            ("InFront", "In front"),
                            ("NormalCycle", "In turn"),
                        ],
                        default="NormalCycle",
                        max_length=11,
                        verbose_name="priority",
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("Charging", "Charging"),
                            ("Faulted", "Faulted"),
                            ("Idle", "Idle"),
                            ("Unavailable", "Unavailable"),
                            ("Suspended", "Suspended"),
                            ("Discharging", "Discharging"),
                        ],
                        max_length=11,
                        verbose_name="shown while the station is",
                    ),
                ),
                (
                    "start_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="shown from"),
                ),
                ("end_at", models.DateTimeField(blank=True, null=True, verbose_name="shown until")),
                (
                    "transaction_id",
                    models.CharField(blank=True, max_length=36, verbose_name="during transaction"),
                ),
                (
                    "format",
                    models.CharField(
                        choices=[
                            ("ASCII", "ASCII"),
                            ("HTML", "HTML"),
                            ("URI", "URI"),
                            ("UTF8", "UTF-8"),
                            ("QRCODE", "QR code"),
                        ],
                        default="UTF8",
                        max_length=6,
                        verbose_name="format",
                    ),
                ),
                ("language", models.CharField(blank=True, max_length=8, verbose_name="language")),
                ("content", models.TextField(verbose_name="text")),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("requested", "Requested"),
                            ("shown", "At the station"),
                            ("rejected", "Rejected"),
                            ("failed", "Failed"),
                            ("replaced", "Replaced"),
                            ("cleared", "Cleared"),
                            ("removed", "Removed by the station"),
                            ("ended", "Ended"),
                        ],
                        default="requested",
                        max_length=9,
                        verbose_name="status",
                    ),
                ),
                (
                    "station_status",
                    models.CharField(blank=True, max_length=40, verbose_name="said by the station"),
                ),
                (
                    "told_request_id",
                    models.BigIntegerField(
                        blank=True, editable=False, null=True, verbose_name="told in report"
                    ),
                ),
                ("ended_at", models.DateTimeField(blank=True, null=True, verbose_name="ended at")),
                (
                    "command",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="chargers.command",
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
                    "station",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="display_messages",
                        to="chargers.chargingstation",
                        verbose_name="station",
                    ),
                ),
            ],
            options={
                "verbose_name": "display message",
                "verbose_name_plural": "display messages",
                "ordering": ["-pk"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("status", "shown")),
                        fields=("station", "message_id"),
                        name="display_message_shown_once",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="CitrineAccount",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=100, unique=True, verbose_name="name")),
                (
                    "is_active",
                    models.BooleanField(
                        default=False,
                        help_text="One server at most is active.",
                        verbose_name="active",
                    ),
                ),
                (
                    "serves_new_stations",
                    models.BooleanField(
                        default=False,
                        help_text="New stations are given to CitrineOS, not to Cariflex itself.",
                        verbose_name="serves new stations",
                    ),
                ),
                (
                    "tenant_id",
                    models.PositiveIntegerField(
                        default=1,
                        help_text="This operator's number in CitrineOS",
                        verbose_name="tenant",
                    ),
                ),
                (
                    "rest_url",
                    models.CharField(max_length=300, verbose_name="address of the message API"),
                ),
                (
                    "rest_token",
                    apps.tenants.fields.EncryptedTextField(
                        blank=True,
                        help_text="Bearer token, when CitrineOS asks for one (OIDC)",
                        verbose_name="token of the message API",
                    ),
                ),
                (
                    "amqp_url",
                    apps.tenants.fields.EncryptedTextField(
                        help_text="amqp(s)://user:password@host:port/vhost",
                        verbose_name="address of the broker",
                    ),
                ),
                (
                    "exchange",
                    models.CharField(default="citrineos", max_length=100, verbose_name="exchange"),
                ),
                (
                    "graphql_url",
                    models.CharField(
                        blank=True,
                        help_text="Hasura: without it nothing is back-filled and nothing is provisioned.",
                        max_length=300,
                        verbose_name="address of GraphQL",
                    ),
                ),
                (
                    "graphql_secret",
                    apps.tenants.fields.EncryptedTextField(
                        blank=True, verbose_name="admin secret of GraphQL"
                    ),
                ),
                (
                    "callback_url",
                    models.CharField(
                        help_text="Where CitrineOS reaches this operator's site, such as https://host",
                        max_length=300,
                        verbose_name="our address for answers",
                    ),
                ),
                ("callback_secret", apps.tenants.fields.EncryptedTextField(editable=False)),
                (
                    "starts_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now,
                        help_text="Older messages in CitrineOS are not fetched.",
                        verbose_name="messages from",
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="created at")),
            ],
            options={
                "verbose_name": "CitrineOS server",
                "verbose_name_plural": "CitrineOS servers",
                "ordering": ["name"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("is_active", True)),
                        fields=("is_active",),
                        name="citrine_one_active",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="CitrineCursor",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("last_id", models.BigIntegerField(default=0, verbose_name="last row read")),
                (
                    "holder",
                    models.CharField(blank=True, max_length=64, verbose_name="bridge process"),
                ),
                (
                    "held_until",
                    models.DateTimeField(blank=True, null=True, verbose_name="held until"),
                ),
                (
                    "connected_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="connected at"),
                ),
                (
                    "last_message_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="last message"),
                ),
                (
                    "filled_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="last comparison"),
                ),
                (
                    "provisioned_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="provisioned at"),
                ),
                (
                    "live_count",
                    models.PositiveBigIntegerField(default=0, verbose_name="messages taken live"),
                ),
                (
                    "recovered_count",
                    models.PositiveBigIntegerField(
                        default=0, verbose_name="messages found by comparison"
                    ),
                ),
                (
                    "repeated_count",
                    models.PositiveBigIntegerField(default=0, verbose_name="repetitions left out"),
                ),
                (
                    "unusable_count",
                    models.PositiveBigIntegerField(default=0, verbose_name="unusable messages"),
                ),
                ("trouble", models.CharField(blank=True, max_length=300, verbose_name="trouble")),
                (
                    "account",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="cursor",
                        to="chargers.citrineaccount",
                    ),
                ),
            ],
            options={
                "verbose_name": "state of a CitrineOS bridge",
                "verbose_name_plural": "states of CitrineOS bridges",
            },
        ),
        migrations.CreateModel(
            name="CitrineMessage",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("station_id", models.CharField(max_length=48, verbose_name="station id")),
                ("correlation_id", models.CharField(max_length=64, verbose_name="message id")),
                ("at", models.DateTimeField(verbose_name="at")),
                ("is_answer", models.BooleanField(default=False)),
                (
                    "is_recovered",
                    models.BooleanField(default=False, verbose_name="found by comparison"),
                ),
            ],
            options={
                "verbose_name": "message taken from CitrineOS",
                "verbose_name_plural": "messages taken from CitrineOS",
                "ordering": ["-at", "-pk"],
                "indexes": [models.Index(fields=["at"], name="citrine_message_at")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("station_id", "correlation_id", "at", "is_answer"),
                        name="citrine_message_once",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="CitrineTransaction",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("correlation_id", models.CharField(max_length=64, verbose_name="message id")),
                ("number", models.BigIntegerField(blank=True, null=True, verbose_name="number")),
                ("at", models.DateTimeField(verbose_name="at")),
                (
                    "session",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="chargers.session",
                    ),
                ),
                (
                    "station",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="citrine_transactions",
                        to="chargers.chargingstation",
                    ),
                ),
            ],
            options={
                "verbose_name": "transaction number of CitrineOS",
                "verbose_name_plural": "transaction numbers of CitrineOS",
                "ordering": ["-at", "-pk"],
                "indexes": [
                    models.Index(fields=["station", "number"], name="citrine_transaction_number"),
                    models.Index(
                        fields=["station", "correlation_id"], name="citrine_transaction_asked"
                    ),
                ],
            },
        ),
    ]
