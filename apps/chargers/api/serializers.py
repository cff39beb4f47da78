"""How charging looks in JSON. A station is named by its OCPP identity; tokens are masked."""

from typing import Any

from rest_framework import serializers

from apps.chargers.models import (
    ChargingStation,
    Command,
    Connector,
    ConnectorStatusChange,
    DeviceVariable,
    Evse,
    MeterValue,
    Session,
    StationMessage,
)
from apps.chargers.ocpp.redaction import shown_text


class ConnectorSerializer(serializers.ModelSerializer[Connector]):
    """One plug or socket of an EVSE."""

    class Meta:
        model = Connector
        fields = ("connector_id", "type", "status", "status_at", "error_code")
        read_only_fields = fields


class EvseSerializer(serializers.ModelSerializer[Evse]):
    """A place where one car can charge at a time."""

    connectors = ConnectorSerializer(many=True)

    class Meta:
        model = Evse
        fields = ("evse_id", "connectors")
        read_only_fields = fields


class StationSerializer(serializers.ModelSerializer[ChargingStation]):
    """A charging station with its EVSEs."""

    site = serializers.CharField(
        source="site.code", default=None, allow_null=True, help_text="The site's code."
    )
    evses = EvseSerializer(many=True)

    class Meta:
        model = ChargingStation
        fields = (
            "id",
            "station_id",
            "name",
            "site",
            "commune",
            "latitude",
            "longitude",
            "rated_power_kw",
            "csms",
            "ocpp_version",
            "security_profile",
            "vendor",
            "model",
            "serial_number",
            "firmware",
            "registration_status",
            "connection_state",
            "connected_at",
            "disconnected_at",
            "booted_at",
            "last_seen_at",
            "evses",
        )
        read_only_fields = fields


class VariableSerializer(serializers.ModelSerializer[DeviceVariable]):
    """One attribute of one variable of a station, as it told it last."""

    class Meta:
        model = DeviceVariable
        fields = (
            "id",
            "component",
            "component_instance",
            "evse_number",
            "connector_number",
            "variable",
            "variable_instance",
            "attribute",
            "value",
            "mutability",
            "unit",
            "data_type",
            "reported_at",
        )
        read_only_fields = fields


class SessionSerializer(serializers.ModelSerializer[Session]):
    """A charging session."""

    station = serializers.CharField(source="station.station_id", help_text="OCPP identity.")
    evse_id = serializers.IntegerField(source="evse.evse_id", default=None, allow_null=True)
    id_token_masked = serializers.CharField()
    energy_kwh = serializers.DecimalField(
        max_digits=24, decimal_places=9, normalize_output=True, help_text="Exact; a text."
    )
    doubts = serializers.ListField(
        child=serializers.CharField(),
        help_text="Why it is not billed before `checked_at`: `meter_backwards`, `energy_jump`,"
        " `clock`.",
    )

    class Meta:
        model = Session
        fields = (
            "id",
            "transaction_id",
            "station",
            "evse_id",
            "connector_id",
            "id_token_masked",
            "state",
            "charging_state",
            "started_at",
            "ended_at",
            "stopped_reason",
            "energy_kwh",
            "power_kw",
            "soc_percent",
            "meter_went_backwards",
            "doubts",
            "checked_at",
        )
        read_only_fields = fields


class CommandSerializer(serializers.ModelSerializer[Command]):
    """One order to a station: what was asked, by whom and why, and what it answered."""

    station = serializers.CharField(source="station.station_id", help_text="OCPP identity.")
    batch = serializers.IntegerField(source="batch_id", allow_null=True)
    payload = serializers.JSONField(
        source="payload_shown",
        help_text="As on the wire, without passwords, whole tokens and certificates.",
    )
    answer = serializers.JSONField(allow_null=True, help_text="As on the wire.")
    requested_by = serializers.CharField(
        source="requested_by.username", default=None, allow_null=True
    )
    latency_s = serializers.FloatField(
        allow_null=True, help_text="From sending to the answer, in seconds."
    )

    class Meta:
        model = Command
        fields = (
            "id",
            "station",
            "batch",
            "action",
            "payload",
            "reason",
            "status",
            "answer",
            "error",
            "requested_by",
            "requested_at",
            "sent_at",
            "answered_at",
            "latency_s",
        )
        read_only_fields = fields


class CommandsSerializer(serializers.Serializer[Any]):
    """What an order became: a 1.6 station is asked for several variables one by one."""

    commands = CommandSerializer(many=True)


class CommandBatchSerializer(serializers.Serializer[Any]):
    """How far a bulk order is; each station is in exactly one of the counts."""

    id = serializers.IntegerField(source="batch_id")
    action = serializers.CharField()
    reason = serializers.CharField()
    requested_by = serializers.CharField(allow_null=True)
    requested_at = serializers.DateTimeField()
    stations = serializers.IntegerField()
    waiting = serializers.IntegerField(help_text="Stations whose order is not written yet.")
    queued = serializers.IntegerField()
    sent = serializers.IntegerField()
    accepted = serializers.IntegerField()
    rejected = serializers.IntegerField()
    timeout = serializers.IntegerField()
    failed = serializers.IntegerField()
    ended = serializers.IntegerField(help_text="Stations with a result.")
    is_ended = serializers.BooleanField()


class StationMessageSerializer(serializers.ModelSerializer[StationMessage]):
    """One OCPP frame, without its secrets."""

    station = serializers.CharField(source="station.station_id", help_text="OCPP identity.")
    frame = serializers.SerializerMethodField(
        help_text="The text of the frame; tokens, passwords and certificates are hidden."
    )

    class Meta:
        model = StationMessage
        fields = (
            "id",
            "received_at",
            "station",
            "direction",
            "message_type",
            "message_id",
            "action",
            "error",
            "frame",
        )
        read_only_fields = fields

    def get_frame(self, message: StationMessage) -> str:
        """As it may be shown."""
        return shown_text(message.payload)


class MeterValueSerializer(serializers.ModelSerializer[MeterValue]):
    """One sampled value, in the unit that stands beside it."""

    value = serializers.DecimalField(
        max_digits=24, decimal_places=9, normalize_output=True, help_text="Exact; a text."
    )

    class Meta:
        model = MeterValue
        fields = (
            "id",
            "at",
            "seq_no",
            "measurand",
            "phase",
            "location",
            "context",
            "value",
            "unit",
        )
        read_only_fields = fields


class ConnectorStateSerializer(serializers.ModelSerializer[Connector]):
    """A connector as it stands now."""

    station = serializers.CharField(source="evse.station.station_id", help_text="OCPP identity.")
    evse_id = serializers.IntegerField(source="evse.evse_id")
    connection_state = serializers.CharField(
        source="evse.station.connection_state",
        help_text="Of the station: while it is offline the status is the last one it told.",
    )

    class Meta:
        model = Connector
        fields = (
            "id",
            "station",
            "evse_id",
            "connector_id",
            "type",
            "status",
            "status_at",
            "error_code",
            "connection_state",
        )
        read_only_fields = fields


class StatusChangeSerializer(serializers.ModelSerializer[ConnectorStatusChange]):
    """A connector's status from `at` on."""

    evse_id = serializers.IntegerField(source="connector.evse.evse_id")
    connector_id = serializers.IntegerField(source="connector.connector_id")

    class Meta:
        model = ConnectorStatusChange
        fields = ("id", "at", "evse_id", "connector_id", "status", "error_code")
        read_only_fields = fields


class SecondsField(serializers.FloatField):
    """How long, in seconds."""

    def to_representation(self, value: Any) -> float:
        """Of a timedelta."""
        return float(value.total_seconds())


class PerformanceSerializer(serializers.Serializer[Any]):
    """What came of a period; a percentage is null when nothing is known."""

    availability_percent = serializers.FloatField(source="uptime.percent", allow_null=True)
    up_s = SecondsField(source="uptime.up")
    offline_s = SecondsField(source="uptime.offline")
    faulted_s = SecondsField(source="uptime.faulted")
    unavailable_s = SecondsField(source="uptime.unavailable")
    unknown_s = SecondsField(source="uptime.unknown")
    outages = serializers.IntegerField(source="outages.count")
    mean_time_to_recover_s = SecondsField(source="outages.mean_time_to_recover", allow_null=True)
    plug_ins = serializers.IntegerField(source="plug_ins.count")
    plug_in_success_percent = serializers.FloatField(
        source="plug_ins.success_percent", allow_null=True
    )


class ConnectorPerformanceSerializer(PerformanceSerializer):
    """What came of a period at one connector."""

    evse_id = serializers.IntegerField()
    connector_id = serializers.IntegerField()


class StationAvailabilitySerializer(serializers.Serializer[Any]):
    """A station over a period, all its connectors together, and each."""

    station = serializers.CharField(source="station_id", help_text="OCPP identity.")
    whole = PerformanceSerializer(allow_null=True, help_text="null: a station without connectors.")
    connectors = ConnectorPerformanceSerializer(many=True)
