"""The readings that are kept already are due for their roll-ups.

One row a sensor, found through the keys of the partitions; the roller works them off in pieces.
"""

from django.db import migrations

DUE = """
INSERT INTO assets_rollupdue (start, "end", sensor_ids)
SELECT (SELECT min(r.at) FROM assets_reading r WHERE r.sensor_id = l.sensor_id), l.at,
       ARRAY[l.sensor_id]
FROM assets_sensorlatest l
WHERE EXISTS (SELECT FROM assets_reading r WHERE r.sensor_id = l.sensor_id);
"""


class Migration(migrations.Migration):
    dependencies = [("assets", "0009_retention_dropped_until")]

    operations = [migrations.RunSQL(DUE, migrations.RunSQL.noop)]
