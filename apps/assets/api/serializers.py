"""How assets look in JSON. A device and a site are named by their codes, a sensor by its id."""

from typing import Any

from rest_framework import serializers

from apps.assets.choices import Quality
from apps.assets.models import Alarm, Device, Sensor, Setpoint, Site

QUALITY_WORDS = [quality.word for quality in Quality]


class SiteSerializer(serializers.ModelSerializer[Site]):
    """A place whose devices share one connection to the grid."""

    class Meta:
        model = Site
        fields = (
            "id",
            "code",
            "name",
            "time_zone",
            "latitude",
            "longitude",
            "grid_import_limit_kw",
            "grid_export_limit_kw",
            "hands_off",
        )
        read_only_fields = fields


class DeviceSerializer(serializers.ModelSerializer[Device]):
    """A PV plant, a battery or a meter. Where it answers in the plant's network stays inside."""

    site = serializers.CharField(source="site.code", help_text="The site's code.")

    class Meta:
        model = Device
        fields = (
            "id",
            "code",
            "name",
            "site",
            "kind",
            "stage",
            "commune",
            "latitude",
            "longitude",
            "is_grid_meter",
            "driver",
            "manufacturer",
            "model_name",
            "serial_number",
            "poll_period_s",
            "rated_power_kw",
            "capacity_kwh",
            "soc_min_percent",
            "soc_max_percent",
            "charging_efficiency",
            "discharging_efficiency",
            "control_enabled",
            "hands_off",
            "connection_state",
            "last_seen_at",
        )
        read_only_fields = fields


class SensorSerializer(serializers.ModelSerializer[Sensor]):
    """One quantity that a device measures."""

    device = serializers.CharField(source="device.code", help_text="The device's code.")

    class Meta:
        model = Sensor
        fields = ("id", "device", "quantity", "channel", "unit", "period_s")
        read_only_fields = fields


class LatestSerializer(serializers.Serializer[Any]):
    """The newest reading of a sensor."""

    sensor = SensorSerializer()
    at = serializers.DateTimeField()
    value = serializers.FloatField(allow_null=True)
    quality = serializers.ChoiceField(QUALITY_WORDS, help_text="`stale` when it is too old.")
    age_s = serializers.FloatField()


class SetpointSerializer(serializers.ModelSerializer[Setpoint]):
    """A power that was asked of a device, and what became of it."""

    device = serializers.CharField(source="device.code", help_text="The device's code.")
    requested_by = serializers.CharField(
        source="requested_by.username", default=None, allow_null=True
    )

    class Meta:
        model = Setpoint
        fields = (
            "id",
            "device",
            "power_kw",
            "asked_kw",
            "limited_by",
            "applied_kw",
            "source",
            "reason",
            "requested_by",
            "requested_at",
            "expires_at",
            "status",
            "reversion_s",
            "written_at",
            "refreshed_at",
            "readback_kw",
            "ended_at",
            "error_code",
            "error",
        )
        read_only_fields = fields


class AlarmSerializer(serializers.ModelSerializer[Alarm]):
    """What is or was wrong with a device, or with a charging station (`source`)."""

    device = serializers.CharField(
        source="device.code",
        default=None,
        allow_null=True,
        help_text="The device's code; null for what is no device.",
    )
    sensor = serializers.IntegerField(source="sensor_id", allow_null=True)
    acknowledged_by = serializers.CharField(
        source="acknowledged_by.username", default=None, allow_null=True
    )
    words = serializers.DictField(
        child=serializers.CharField(), help_text="Language -> what the device model says."
    )
    figures = serializers.DictField(help_text="What was measured, by name with unit.")

    class Meta:
        model = Alarm
        fields = (
            "id",
            "device",
            "source",
            "source_id",
            "source_name",
            "sensor",
            "kind",
            "code",
            "severity",
            "words",
            "figures",
            "raised_at",
            "cleared_at",
            "acknowledged_at",
            "acknowledged_by",
            "note",
        )
        read_only_fields = fields
