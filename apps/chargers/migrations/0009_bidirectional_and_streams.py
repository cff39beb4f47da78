import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    """What cars want, DER controls, event streams; fields of dynamic profiles (OCPP 2.1)."""

    dependencies = [
        ("chargers", "0008_ad_hoc"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
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
        migrations.AddField(
            model_name="chargingprofile",
            name="ends_offline",
            field=models.BooleanField(default=False, verbose_name="ends after that time"),
        ),
        migrations.AddField(
            model_name="chargingprofile",
            name="offline_limit_s",
            field=models.PositiveIntegerField(
                blank=True, null=True, verbose_name="longest time offline (s)"
            ),
        ),
        migrations.AddField(
            model_name="chargingprofile",
            name="update_interval_s",
            field=models.PositiveIntegerField(
                blank=True, null=True, verbose_name="update interval (s)"
            ),
        ),
        migrations.AddField(
            model_name="chargingprofile",
            name="update_waiting",
            field=models.JSONField(blank=True, null=True, verbose_name="values to come"),
        ),
        migrations.AddField(
            model_name="chargingprofile",
            name="updated_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="values since"),
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
        migrations.AddConstraint(
            model_name="eventstream",
            constraint=models.UniqueConstraint(
                condition=models.Q(("closed_at__isnull", True)),
                fields=("station", "stream_id"),
                name="event_stream_once_open",
            ),
        ),
        migrations.AddIndex(
            model_name="evschedule",
            index=models.Index(fields=["station", "-told_at"], name="ev_schedule_told"),
        ),
        migrations.AddIndex(
            model_name="streamvalue",
            index=models.Index(fields=["at"], name="stream_value_at"),
        ),
        migrations.AddConstraint(
            model_name="streamvalue",
            constraint=models.UniqueConstraint(fields=("stream", "at"), name="stream_value_once"),
        ),
    ]
