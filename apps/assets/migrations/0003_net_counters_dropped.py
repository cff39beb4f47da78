"""The net energy counter gives way to two that only grow.

A net counter cannot be split again: its sensors go, with their readings. Both counters of every
device are read anew with the first poll.
"""

from django.db import migrations

DELETE = """
DELETE FROM assets_reading WHERE sensor_id IN
    (SELECT id FROM assets_sensor WHERE quantity = 'energy_kwh');
DELETE FROM assets_sensorlatest WHERE sensor_id IN
    (SELECT id FROM assets_sensor WHERE quantity = 'energy_kwh');
DELETE FROM assets_sensor WHERE quantity = 'energy_kwh';
"""


class Migration(migrations.Migration):
    dependencies = [("assets", "0002_readings_table")]

    operations = [migrations.RunSQL(DELETE, migrations.RunSQL.noop)]
