from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("chargers", "0003_report_parts_and_batches")]

    operations = [
        migrations.AddField(
            model_name="chargingstation",
            name="next_password_hash",
            field=models.CharField(blank=True, editable=False, max_length=160),
        ),
        migrations.AddField(
            model_name="session",
            name="checked_at",
            field=models.DateTimeField(
                blank=True,
                help_text="When somebody found that a doubtful session may be billed",
                null=True,
                verbose_name="checked at",
            ),
        ),
        migrations.AlterField(
            model_name="refusedconnection",
            name="reason",
            field=models.CharField(
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
        migrations.AlterField(
            model_name="stationcertificate",
            name="use",
            field=models.CharField(
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
    ]
