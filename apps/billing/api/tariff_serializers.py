"""How tariffs look over HTTP."""

from typing import Any

from rest_framework import serializers

from apps.billing.choices import TariffType
from apps.billing.models import DynamicFormula, Tariff, TariffVersion


class TariffFormulaSerializer(serializers.ModelSerializer[DynamicFormula]):
    """market x factor + adder, within floor and cap, per kWh before taxes."""

    series_id = serializers.IntegerField(help_text="The market's price series.")

    class Meta:
        model = DynamicFormula
        fields = ("series_id", "factor", "adder_per_kwh", "floor_per_kwh", "cap_per_kwh")


class TariffVersionSerializer(serializers.ModelSerializer[TariffVersion]):
    """A version without its prices."""

    formula = TariffFormulaSerializer(required=False, allow_null=True, default=None)

    class Meta:
        model = TariffVersion
        fields = (
            "number", "state", "currency", "valid_from", "valid_until", "change_note",
            "issued_at", "issued_by", "updated_at", "formula",
        )  # fmt: skip
        read_only_fields = fields


class TariffVersionFullSerializer(TariffVersionSerializer):
    """A version with its prices: an OCPI 2.2.1 tariff object."""

    content = serializers.DictField(read_only=True)

    class Meta(TariffVersionSerializer.Meta):
        fields = (*TariffVersionSerializer.Meta.fields, "content")  # type: ignore[assignment]
        read_only_fields = fields


class TariffSerializer(serializers.ModelSerializer[Tariff]):
    """A tariff; its prices are in its versions."""

    class Meta:
        model = Tariff
        fields = ("id", "code", "name", "type", "is_archived", "note", "created_at", "updated_at")
        read_only_fields = fields


class TariffFullSerializer(TariffSerializer):
    """A tariff with the numbers of the version in force, the next one and the draft."""

    in_force = serializers.IntegerField(allow_null=True, read_only=True)
    following = serializers.IntegerField(allow_null=True, read_only=True)
    draft = serializers.IntegerField(allow_null=True, read_only=True)

    class Meta(TariffSerializer.Meta):
        fields = (*TariffSerializer.Meta.fields, "in_force", "following", "draft")  # type: ignore[assignment]
        read_only_fields = fields


class TariffContentSerializer(serializers.Serializer[Any]):
    """Prices of a draft."""

    content = serializers.DictField(help_text="An OCPI 2.2.1 tariff object.")
    formula = TariffFormulaSerializer(required=False, allow_null=True)
    change_note = serializers.CharField(
        max_length=200, required=False, allow_blank=True, default=""
    )


class NewTariffSerializer(serializers.Serializer[Any]):
    """A new tariff with its first draft."""

    code = serializers.CharField(max_length=36, help_text="The tariff's OCPI id.")
    name = serializers.CharField(max_length=100)
    type = serializers.ChoiceField(TariffType.choices, default=TariffType.REGULAR)
    content = serializers.DictField(required=False, help_text="An OCPI 2.2.1 tariff object.")
    formula = TariffFormulaSerializer(required=False, allow_null=True)


class TariffChangeSerializer(serializers.Serializer[Any]):
    """What of a tariff changes without a new version."""

    name = serializers.CharField(max_length=100, required=False)
    type = serializers.ChoiceField(TariffType.choices, required=False)
    note = serializers.CharField(max_length=2000, required=False, allow_blank=True)
    is_archived = serializers.BooleanField(required=False)


class TariffIssueSerializer(serializers.Serializer[Any]):
    """From when to when an issued version holds."""

    valid_from = serializers.DateTimeField(required=False, help_text="Now when left out.")
    valid_until = serializers.DateTimeField(required=False, allow_null=True)
    is_backdated = serializers.BooleanField(
        default=False, help_text="Needed for a start in the past."
    )


class TariffNoteSerializer(serializers.Serializer[Any]):
    """Something odd about a tariff; `where` is a JSON path."""

    code = serializers.CharField()
    text = serializers.CharField()
    where = serializers.CharField()


class TariffImportedSerializer(serializers.Serializer[Any]):
    """The draft that an OCPI object became."""

    tariff_id = serializers.IntegerField()
    number = serializers.IntegerField()
    notes = TariffNoteSerializer(many=True)


class TypicalSessionSerializer(serializers.Serializer[Any]):
    """A typical session."""

    arrival = serializers.DateTimeField(help_text="From 2000 to 2100.")
    energy_kwh = serializers.DecimalField(max_digits=10, decimal_places=3, min_value=0)
    power_kw = serializers.DecimalField(max_digits=8, decimal_places=3, min_value=1)
    parking_min = serializers.IntegerField(min_value=0, max_value=7 * 24 * 60, default=0)
    time_zone = serializers.CharField(
        max_length=64, required=False, help_text="IANA name; the operator's when left out."
    )
