from django.db import migrations

FILL = """
SET CONSTRAINTS ALL IMMEDIATE;
ALTER TABLE billing_cdr DISABLE TRIGGER billing_cdr_immutable;
UPDATE billing_cdr c SET
    charged_kwh = c.energy_kwh,
    time_zone = p.zone,
    billing_month = date_trunc('month', c.ended_at AT TIME ZONE p.zone)::date,
    total_time_h = p.hours,
    tariff_content = p.content,
    charging_periods = jsonb_build_array(jsonb_build_object(
        'start_date_time', to_char(c.started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
        'dimensions', jsonb_build_array(
            jsonb_build_object('type', 'ENERGY', 'volume', trim_scale(c.energy_kwh)),
            jsonb_build_object('type', 'TIME', 'volume', trim_scale(p.hours))),
        'tariff_id', p.code)),
    rating = jsonb_build_object(
        'currency', c.currency,
        'total_cost', p.cost,
        'dimensions', jsonb_build_object('ENERGY', p.volume || p.cost),
        'lines', jsonb_build_array(p.volume || p.cost || jsonb_build_object(
            'element', 0, 'component', 0, 'dimension', 'ENERGY', 'unit', 'kWh',
            'price', trim_scale(c.price_per_kwh_excl_vat)::text,
            'vat', trim_scale(c.vat_percent)::text,
            'tax', round(c.vat, 2)::text, 'reason', c.explanation)),
        'taxes', jsonb_build_array(jsonb_build_object(
            'name', 'VAT', 'percent', trim_scale(c.vat_percent)::text,
            'base', round(c.total_excl_vat, 2)::text, 'amount', round(c.vat, 2)::text)),
        'notes', jsonb_build_array(jsonb_build_object(
            'code', 'cdr.cents', 'text', 'The amounts are rounded to cents.', 'where', '')))
FROM (
    SELECT
        d.id, v.content, t.code,
        coalesce(
            site.time_zone,
            (SELECT o.time_zone FROM public.tenants_operator o
             WHERE o.schema_name = current_schema()),
            'America/Guadeloupe') AS zone,
        round(greatest(extract(epoch FROM d.ended_at - d.started_at), 0)::numeric / 3600, 9)
            AS hours,
        jsonb_build_object('volume', trim_scale(d.energy_kwh)::text,
            'billed_volume', trim_scale(d.energy_kwh)::text) AS volume,
        jsonb_build_object('excl_vat', round(d.total_excl_vat, 2)::text,
            'incl_vat', round(d.total_incl_vat, 2)::text) AS cost
    FROM billing_cdr d
    JOIN billing_tariffversion v ON v.id = d.tariff_version_id
    JOIN billing_tariff t ON t.id = v.tariff_id
    JOIN chargers_session s ON s.id = d.session_id
    JOIN chargers_chargingstation station ON station.id = s.station_id
    LEFT JOIN assets_site site ON site.id = station.site_id
) p
WHERE p.id = c.id;
ALTER TABLE billing_cdr ENABLE TRIGGER billing_cdr_immutable;
"""


class Migration(migrations.Migration):
    """CDRs of one flat price say so in the words of all others; their amounts stay."""

    dependencies = [
        ("assets", "0014_alarm_of_a_source"),
        ("billing", "0012_cdr_revisions"),
    ]

    operations = [migrations.RunSQL(FILL, migrations.RunSQL.noop)]
