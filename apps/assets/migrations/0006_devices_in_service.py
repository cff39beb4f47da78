"""Devices that were polled before there were stages are in service."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("assets", "0005_rollup_tables")]

    operations = [
        migrations.RunSQL(
            "UPDATE assets_device SET stage = 'in_service'", migrations.RunSQL.noop
        )
    ]
