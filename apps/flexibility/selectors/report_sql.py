"""The statements behind a report: one a source, each over [start, end) of one site."""

MEASURED = "r.mean IS NOT NULL AND r.coverage >= %(coverage)s"
"""A quarter hour of which enough was measured: its mean stands for the whole."""
POWER_SENSOR = "s.quantity = 'power_kw' AND s.channel = ''"
SITE_DEVICES = "d.site_id = %(site_id)s AND (d.kind IN ('pv', 'battery') OR d.is_grid_meter)"

DEVICES = f"""
SELECT d.id, d.code, d.name, d.kind, d.capacity_kwh, d.rated_power_kw,
       d.soc_min_percent, d.soc_max_percent, d.charging_efficiency, d.discharging_efficiency,
       d.stage = 'in_service' AS in_service, ever.first, ever.last, month.slot_count, charge.soc
FROM assets_device d
LEFT JOIN assets_sensor s ON s.device_id = d.id AND {POWER_SENSOR}
CROSS JOIN LATERAL (
    SELECT
        (SELECT r.start FROM assets_rollup_15m r
         WHERE r.sensor_id = s.id AND {MEASURED} ORDER BY r.start LIMIT 1) AS first,
        (SELECT r.start FROM assets_rollup_15m r
         WHERE r.sensor_id = s.id AND {MEASURED} ORDER BY r.start DESC LIMIT 1) AS last
) ever
CROSS JOIN LATERAL (
    SELECT count(*) AS slot_count FROM assets_rollup_15m r
    WHERE r.sensor_id = s.id AND r.start >= %(start)s AND r.start < %(end)s AND {MEASURED}
) month
LEFT JOIN LATERAL (
    SELECT r.mean AS soc FROM assets_rollup_15m r JOIN assets_sensor c ON c.id = r.sensor_id
    WHERE c.device_id = d.id AND c.quantity = 'soc_percent' AND c.channel = ''
      AND r.start >= %(start)s AND r.start < %(end)s AND r.mean IS NOT NULL
    ORDER BY r.start LIMIT 1
) charge ON d.kind = 'battery'
WHERE {SITE_DEVICES}
ORDER BY d.code
"""
"""Each device that the balance of the site is made of, and how far it was measured."""

SLOTS = f"""
SELECT r.start,
       sum(r.mean) FILTER (WHERE d.kind = 'pv') AS pv_kw,
       count(*) FILTER (WHERE d.kind = 'pv') AS pv_count,
       sum(r.mean) FILTER (WHERE d.is_grid_meter) AS grid_kw,
       jsonb_object_agg(d.id, r.mean) FILTER (WHERE d.kind = 'battery') AS battery_kw
FROM assets_rollup_15m r
JOIN assets_sensor s ON s.id = r.sensor_id AND {POWER_SENSOR}
JOIN assets_device d ON d.id = s.device_id
WHERE {SITE_DEVICES} AND r.start >= %(start)s AND r.start < %(end)s AND {MEASURED}
GROUP BY r.start ORDER BY r.start
"""
"""Mean powers (kW, consumption and charging positive) of the quarter hours with any."""

CHARGING = """
WITH pairs AS (
    SELECT measurand, at, value,
           lag(at) OVER readings AS from_at, lag(value) OVER readings AS from_value
    FROM chargers_metervalue
    WHERE session_id IS NOT NULL AND phase = '' AND location IN ('', 'Outlet')
      AND measurand IN ('Energy.Active.Import.Register', 'Energy.Active.Export.Register')
      AND at >= %(start)s - interval '1 hour' AND at < %(end)s + interval '1 hour'
    WINDOW readings AS (PARTITION BY session_id, measurand ORDER BY at, value)
)
SELECT slot, sum(
    CASE measurand WHEN 'Energy.Active.Import.Register' THEN 1 ELSE -1 END
    * (value - from_value)
    * extract(epoch FROM least(at, slot + interval '15 minutes') - greatest(from_at, slot))
    / extract(epoch FROM at - from_at)
) * 4
FROM pairs
CROSS JOIN LATERAL generate_series(
    date_bin('15 minutes', from_at, '2000-01-01T00:00:00Z'),
    at - interval '1 microsecond',
    '15 minutes'
) AS slot
WHERE at > from_at AND value > from_value AND slot >= %(start)s AND slot < %(end)s
GROUP BY slot ORDER BY slot
"""
"""Mean power (kW) of all sessions, from their registers; discharged cars count negative.

As `charging_power_by_slot` of the chargers, which is made for a day: between two readings the
power is taken as constant.
"""

PLANNED = """
SELECT slot.start, newest.start, (
    SELECT sum(planned.power_kw) FROM flexibility_planslot planned
    JOIN assets_device device ON device.id = planned.device_id AND device.kind = 'battery'
    WHERE planned.plan_id = newest.id AND planned.start = slot.start
)
FROM generate_series(
    %(start)s::timestamptz, %(end)s::timestamptz - interval '15 minutes', '15 minutes'
) AS slot(start)
CROSS JOIN LATERAL (
    SELECT plan.id, plan.start FROM flexibility_plan plan
    WHERE plan.site_id = %(site_id)s AND plan.status = 'accepted'
      AND plan.start <= slot.start AND plan."end" > slot.start
    ORDER BY plan.start DESC LIMIT 1
) AS newest
ORDER BY slot.start
"""
"""(slot, start of the newest accepted plan that covers it, planned kW of all batteries)."""
