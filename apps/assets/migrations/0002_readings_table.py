"""The table of readings, partitioned by month.

The partitions themselves are made by services.partitions_ensure: ahead of time by a task, and by
readings_store for a month that has none yet. The primary key makes a repeated store harmless; the
BRIN index serves reads over all sensors of a window.
"""

from django.db import migrations

CREATE = """
CREATE TABLE assets_reading (
    sensor_id bigint NOT NULL,
    at timestamptz NOT NULL,
    value double precision NOT NULL,
    quality smallint NOT NULL CONSTRAINT assets_reading_quality_known CHECK (quality BETWEEN 0 AND 3),
    PRIMARY KEY (sensor_id, at)
) PARTITION BY RANGE (at);
CREATE INDEX assets_reading_at_brin ON assets_reading USING brin (at);
-- One row per sensor, updated at every poll: room in the page keeps the updates HOT.
ALTER TABLE assets_sensorlatest SET (fillfactor = 50);
"""

DROP = "DROP TABLE assets_reading; ALTER TABLE assets_sensorlatest RESET (fillfactor);"


class Migration(migrations.Migration):
    dependencies = [("assets", "0001_initial")]

    operations = [migrations.RunSQL(CREATE, DROP)]
