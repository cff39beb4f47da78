import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    """What waits for a person, and runs that set sessions, CDRs, meters and copies side by side."""

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("billing", "0014_cdr_prices_sealed"),
        ("chargers", "0013_citrineos_off_at_first"),
    ]

    operations = [
        migrations.CreateModel(
            name="BillingException",
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
                            ("no_tariff", "No tariff"),
                            ("not_priced", "Tariff cannot be applied"),
                            ("meter_backwards", "Meter ran backwards"),
                            ("energy_jump", "More energy than the station can give"),
                            ("clock", "Impossible times"),
                            ("zero_energy", "No energy"),
                            ("overlapping", "Overlaps another session"),
                            ("negative_amount", "Negative amount"),
                            ("session_changed", "Session changed after its CDR"),
                        ],
                        max_length=16,
                        verbose_name="what",
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("open", "Open"), ("resolved", "Resolved")],
                        default="open",
                        max_length=8,
                        verbose_name="state",
                    ),
                ),
                ("detail", models.CharField(blank=True, max_length=300, verbose_name="in words")),
                ("opened_at", models.DateTimeField(verbose_name="opened at")),
                (
                    "resolution",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("retry", "Issue the CDR now"),
                            ("bill_as_is", "Bill it as it stands"),
                            ("bill_corrected", "Bill corrected figures"),
                            ("do_not_bill", "Do not bill it"),
                            ("reissue", "Credit and issue anew"),
                            ("accept", "Accept it"),
                            ("solved", "Solved by itself"),
                        ],
                        max_length=14,
                        verbose_name="what was done",
                    ),
                ),
                ("reason", models.CharField(blank=True, max_length=300, verbose_name="reason")),
                (
                    "resolved_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="resolved at"),
                ),
                (
                    "history",
                    models.JSONField(
                        blank=True, default=list, editable=False, verbose_name="history"
                    ),
                ),
            ],
            options={
                "verbose_name": "billing exception",
                "verbose_name_plural": "billing exceptions",
                "ordering": ["-opened_at", "-pk"],
            },
        ),
        migrations.CreateModel(
            name="ReconciliationFinding",
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
                            ("missing_cdr", "Session without a CDR"),
                            ("duplicate_cdr", "Billed twice"),
                            ("orphan_cdr", "CDR without a finished session"),
                            ("energy_over", "More energy billed than measured"),
                            ("energy_under", "Less energy billed than measured"),
                            ("times_differ", "Other times than the session"),
                            ("price_drift", "Price is not that of its tariff"),
                            ("credit_differs", "Credit does not undo its CDR"),
                            ("missing_copy", "Partner has no copy"),
                            ("orphan_copy", "Partner's copy of no CDR of ours"),
                            ("copy_differs", "Total differs at the partner"),
                            ("received_differs", "Partner's CDR is not priced as agreed"),
                        ],
                        max_length=16,
                        verbose_name="what",
                    ),
                ),
                (
                    "subject",
                    models.CharField(editable=False, max_length=60, verbose_name="subject"),
                ),
                (
                    "expected",
                    models.DecimalField(
                        blank=True,
                        decimal_places=9,
                        max_digits=24,
                        null=True,
                        verbose_name="expected",
                    ),
                ),
                (
                    "found",
                    models.DecimalField(
                        blank=True, decimal_places=9, max_digits=24, null=True, verbose_name="found"
                    ),
                ),
                ("unit", models.CharField(blank=True, max_length=3, verbose_name="unit")),
                ("detail", models.CharField(blank=True, max_length=300, verbose_name="in words")),
                (
                    "state",
                    models.CharField(
                        choices=[("open", "Open"), ("resolved", "Resolved")],
                        default="open",
                        max_length=8,
                        verbose_name="state",
                    ),
                ),
                (
                    "resolution",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("retry", "Issue the CDR now"),
                            ("bill_as_is", "Bill it as it stands"),
                            ("bill_corrected", "Bill corrected figures"),
                            ("do_not_bill", "Do not bill it"),
                            ("reissue", "Credit and issue anew"),
                            ("accept", "Accept it"),
                            ("solved", "Solved by itself"),
                        ],
                        max_length=14,
                        verbose_name="what was done",
                    ),
                ),
                ("reason", models.CharField(blank=True, max_length=300, verbose_name="reason")),
                (
                    "resolved_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="resolved at"),
                ),
            ],
            options={
                "verbose_name": "reconciliation finding",
                "verbose_name_plural": "reconciliation findings",
                "ordering": ["-run", "kind", "pk"],
            },
        ),
        migrations.CreateModel(
            name="ReconciliationRun",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("start", models.DateTimeField(verbose_name="from")),
                ("end", models.DateTimeField(verbose_name="until")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("queued", "Waiting"),
                            ("running", "Running"),
                            ("done", "Done"),
                            ("cancelled", "Cancelled"),
                            ("failed", "Failed"),
                        ],
                        default="queued",
                        max_length=9,
                        verbose_name="state",
                    ),
                ),
                (
                    "phase",
                    models.CharField(
                        choices=[
                            ("sessions", "Sessions and their CDRs"),
                            ("meters", "CDRs and meters"),
                            ("prices", "Prices"),
                            ("copies", "Partners' copies"),
                        ],
                        default="sessions",
                        max_length=8,
                        verbose_name="step",
                    ),
                ),
                ("place", models.CharField(blank=True, editable=False, max_length=40)),
                ("total_count", models.PositiveIntegerField(default=0, verbose_name="to compare")),
                ("checked_count", models.PositiveIntegerField(default=0, verbose_name="compared")),
                ("findings_count", models.PositiveIntegerField(default=0, verbose_name="findings")),
                ("held_count", models.PositiveIntegerField(default=0, verbose_name="in the inbox")),
                ("requested_at", models.DateTimeField(verbose_name="asked for at")),
                (
                    "started_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="started at"),
                ),
                ("touched_at", models.DateTimeField(blank=True, editable=False, null=True)),
                (
                    "finished_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="finished at"),
                ),
                ("error", models.CharField(blank=True, max_length=300, verbose_name="error")),
            ],
            options={
                "verbose_name": "reconciliation",
                "verbose_name_plural": "reconciliations",
                "ordering": ["-pk"],
            },
        ),
        migrations.CreateModel(
            name="SessionCorrection",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "energy_kwh",
                    models.DecimalField(
                        blank=True,
                        decimal_places=9,
                        max_digits=24,
                        null=True,
                        verbose_name="energy (kWh)",
                    ),
                ),
                (
                    "started_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="started at"),
                ),
                ("ended_at", models.DateTimeField(blank=True, null=True, verbose_name="ended at")),
                ("reason", models.CharField(max_length=300, verbose_name="reason")),
                ("by_name", models.CharField(blank=True, max_length=150, verbose_name="by")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="at")),
            ],
            options={
                "verbose_name": "session correction",
                "verbose_name_plural": "session corrections",
                "ordering": ["-pk"],
            },
        ),
        migrations.AddField(
            model_name="billingexception",
            name="cdr",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="exceptions",
                to="billing.cdr",
                verbose_name="CDR",
            ),
        ),
        migrations.AddField(
            model_name="billingexception",
            name="other_session",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="chargers.session",
                verbose_name="other session",
            ),
        ),
        migrations.AddField(
            model_name="billingexception",
            name="resolved_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="resolved by",
            ),
        ),
        migrations.AddField(
            model_name="billingexception",
            name="session",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="billing_exceptions",
                to="chargers.session",
                verbose_name="session",
            ),
        ),
        migrations.AddField(
            model_name="reconciliationfinding",
            name="cdr",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="billing.cdr",
                verbose_name="CDR",
            ),
        ),
        migrations.AddField(
            model_name="reconciliationfinding",
            name="partner_cdr",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="billing.partnercdr",
                verbose_name="partner's CDR",
            ),
        ),
        migrations.AddField(
            model_name="reconciliationfinding",
            name="resolved_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="resolved by",
            ),
        ),
        migrations.AddField(
            model_name="reconciliationfinding",
            name="session",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="chargers.session",
                verbose_name="session",
            ),
        ),
        migrations.AddField(
            model_name="reconciliationrun",
            name="requested_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="asked for by",
            ),
        ),
        migrations.AddField(
            model_name="reconciliationfinding",
            name="run",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="findings",
                to="billing.reconciliationrun",
            ),
        ),
        migrations.AddField(
            model_name="sessioncorrection",
            name="by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="by",
            ),
        ),
        migrations.AddField(
            model_name="sessioncorrection",
            name="session",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="billing_corrections",
                to="chargers.session",
                verbose_name="session",
            ),
        ),
        migrations.AddIndex(
            model_name="billingexception",
            index=models.Index(
                condition=models.Q(("state", "open")),
                fields=["-opened_at", "-id"],
                name="exception_open",
            ),
        ),
        migrations.AddIndex(
            model_name="billingexception",
            index=models.Index(
                condition=models.Q(("resolution", "do_not_bill")),
                fields=["session"],
                name="exception_not_billed",
            ),
        ),
        migrations.AddConstraint(
            model_name="billingexception",
            constraint=models.UniqueConstraint(
                fields=("session", "kind", "cdr"), name="exception_once", nulls_distinct=False
            ),
        ),
        migrations.AddConstraint(
            model_name="billingexception",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("resolution", ""), ("resolved_at__isnull", True), ("state", "open")),
                    models.Q(
                        ("resolved_at__isnull", False),
                        ("state", "resolved"),
                        models.Q(("resolution", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="exception_resolved_says_how",
            ),
        ),
        migrations.AddConstraint(
            model_name="reconciliationrun",
            constraint=models.CheckConstraint(
                condition=models.Q(("end__gt", models.F("start"))), name="reconciliation_period"
            ),
        ),
        migrations.AddConstraint(
            model_name="reconciliationrun",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ("queued", "running"))),
                fields=("start", "end"),
                name="reconciliation_one_at_a_time",
            ),
        ),
        migrations.AddIndex(
            model_name="reconciliationfinding",
            index=models.Index(fields=["kind", "subject"], name="finding_subject"),
        ),
        migrations.AddConstraint(
            model_name="reconciliationfinding",
            constraint=models.UniqueConstraint(
                fields=("run", "kind", "subject"), name="finding_once_in_run"
            ),
        ),
        migrations.AddConstraint(
            model_name="reconciliationfinding",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("resolution", ""), ("resolved_at__isnull", True), ("state", "open")),
                    models.Q(
                        ("resolved_at__isnull", False),
                        ("state", "resolved"),
                        models.Q(("resolution", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="finding_resolved_says_how",
            ),
        ),
        migrations.AddConstraint(
            model_name="sessioncorrection",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("energy_kwh__isnull", False),
                    ("started_at__isnull", False),
                    ("ended_at__isnull", False),
                    _connector="OR",
                ),
                name="correction_says_something",
            ),
        ),
        migrations.AddConstraint(
            model_name="sessioncorrection",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("energy_kwh__isnull", True), ("energy_kwh__gte", 0), _connector="OR"
                ),
                name="correction_energy_not_negative",
            ),
        ),
        migrations.AddConstraint(
            model_name="sessioncorrection",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("started_at__isnull", True),
                    ("ended_at__isnull", True),
                    ("ended_at__gte", models.F("started_at")),
                    _connector="OR",
                ),
                name="correction_ends_after_start",
            ),
        ),
    ]
