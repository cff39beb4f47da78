"""The tables of roll-ups; that of 1 minute is partitioned by month like the readings.

The partitions are made by services.partitions_ensure.
"""

from django.db import migrations

_COLUMNS = """
    sensor_id bigint NOT NULL,
    start timestamptz NOT NULL,
    mean double precision,
    minimum double precision,
    maximum double precision,
    energy_kwh double precision,
    count integer NOT NULL,
    bad_count integer NOT NULL,
    coverage double precision NOT NULL,
    PRIMARY KEY (sensor_id, start)
"""

CREATE = f"""
CREATE TABLE assets_rollup_1m ({_COLUMNS}) PARTITION BY RANGE (start);
CREATE INDEX assets_rollup_1m_start_brin ON assets_rollup_1m USING brin (start);
CREATE TABLE assets_rollup_15m ({_COLUMNS});
CREATE INDEX assets_rollup_15m_start_brin ON assets_rollup_15m USING brin (start);
CREATE TABLE assets_rollup_1h ({_COLUMNS});
CREATE INDEX assets_rollup_1h_start_brin ON assets_rollup_1h USING brin (start);
"""

DROP = "DROP TABLE assets_rollup_1m, assets_rollup_15m, assets_rollup_1h;"


class Migration(migrations.Migration):
    dependencies = [("assets", "0004_device_layer")]

    operations = [migrations.RunSQL(CREATE, DROP)]
