"""PostgreSQL itself keeps issued papers, closed months and counters as they are, whoever asks."""

from django.db import migrations

# A trigger with a table of changed rows has one event, and an UPDATE has two such tables.
PARTS = [
    (table, event, rows)
    for table in ("billing_invoiceline", "billing_invoicecdr")
    for event, rows in (("INSERT", "NEW"), ("UPDATE", "OLD"), ("UPDATE", "NEW"), ("DELETE", "OLD"))
]
PARTS_TRIGGERS = "\n".join(
    f"CREATE TRIGGER {table}_{event.lower()}_{rows.lower()} AFTER {event} ON {table}"
    f" REFERENCING {rows} TABLE AS changed"
    f" FOR EACH STATEMENT EXECUTE FUNCTION billing_invoice_parts_guard();"
    for table, event, rows in PARTS
)
NO_PARTS_TRIGGERS = "\n".join(
    f"DROP TRIGGER {table}_{event.lower()}_{rows.lower()} ON {table};"
    for table, event, rows in PARTS
)
REFUSE = """
CREATE FUNCTION billing_invoice_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE is_closed boolean;
BEGIN
    IF TG_OP <> 'INSERT' AND OLD.state = 'issued' THEN
        RAISE EXCEPTION 'invoice % is issued: it is never changed or deleted', OLD.reference
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    EXECUTE format(
        'SELECT EXISTS (SELECT 1 FROM %I.billing_monthclosing WHERE month >= $1)', TG_TABLE_SCHEMA
    ) INTO is_closed USING NEW.month;
    IF is_closed THEN
        RAISE EXCEPTION 'month % is closed: nothing is booked in it', NEW.month
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER billing_invoice_immutable BEFORE INSERT OR UPDATE OR DELETE ON billing_invoice
    FOR EACH ROW EXECUTE FUNCTION billing_invoice_guard();

-- One look a statement: a partner's draft has tens of thousands of CDRs. FOR SHARE waits for
-- whoever is issuing the invoice, and then sees that it is issued.
CREATE FUNCTION billing_invoice_parts_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    of_changed text = 'SELECT invoice_id FROM changed';
    issued text;
BEGIN
    IF TG_TABLE_NAME = 'billing_invoicecdr' THEN
        of_changed = format(
            'SELECT line.invoice_id FROM %I.billing_invoiceline line'
            ' WHERE line.id IN (SELECT line_id FROM changed)', TG_TABLE_SCHEMA
        );
    END IF;
    EXECUTE format(
        'SELECT max(reference) FROM (SELECT reference, state FROM %I.billing_invoice'
        ' WHERE id IN (%s) ORDER BY id FOR SHARE) held WHERE state = %L',
        TG_TABLE_SCHEMA, of_changed, 'issued'
    ) INTO issued;
    IF issued IS NOT NULL THEN
        RAISE EXCEPTION 'invoice % is issued: its lines are never changed or deleted', issued
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END
$$;
PARTS_TRIGGERS

CREATE FUNCTION billing_kept_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% % is kept: it is never changed or deleted', TG_TABLE_NAME, OLD.id
        USING ERRCODE = 'integrity_constraint_violation';
END
$$;
CREATE TRIGGER billing_invoicedocument_immutable BEFORE UPDATE OR DELETE ON billing_invoicedocument
    FOR EACH ROW EXECUTE FUNCTION billing_kept_guard();
CREATE TRIGGER billing_monthclosing_not_deleted BEFORE DELETE ON billing_monthclosing
    FOR EACH ROW EXECUTE FUNCTION billing_kept_guard();
-- Only the user who closed it may go.
CREATE TRIGGER billing_monthclosing_not_changed BEFORE UPDATE ON billing_monthclosing
    FOR EACH ROW WHEN (
        (OLD.id, OLD.month, OLD.closed_at, OLD.totals)
        IS DISTINCT FROM (NEW.id, NEW.month, NEW.closed_at, NEW.totals)
        OR NEW.closed_by_id IS NOT NULL AND NEW.closed_by_id IS DISTINCT FROM OLD.closed_by_id
    ) EXECUTE FUNCTION billing_kept_guard();

CREATE FUNCTION billing_settlement_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    is_closed boolean;
    the_month date;
BEGIN
    IF TG_OP = 'UPDATE' AND (
        OLD.account_id, OLD.month, OLD.direction, OLD.state, OLD.currency, OLD.cdr_count,
        OLD.energy_kwh, OLD.net, OLD.tax, OLD.hub_fee, OLD.total, OLD.invoice_id
    ) IS NOT DISTINCT FROM (
        NEW.account_id, NEW.month, NEW.direction, NEW.state, NEW.currency, NEW.cdr_count,
        NEW.energy_kwh, NEW.net, NEW.tax, NEW.hub_fee, NEW.total, NEW.invoice_id
    ) THEN
        RETURN NEW;  -- The partner's invoice may come later, and the user who confirmed may go.
    END IF;
    IF TG_OP = 'INSERT' THEN
        the_month = NEW.month;
    ELSIF TG_OP = 'DELETE' THEN
        the_month = OLD.month;
    ELSE
        the_month = LEAST(OLD.month, NEW.month);
    END IF;
    EXECUTE format(
        'SELECT EXISTS (SELECT 1 FROM %I.billing_monthclosing WHERE month >= $1)', TG_TABLE_SCHEMA
    ) INTO is_closed USING the_month;
    IF is_closed THEN
        RAISE EXCEPTION 'month % is closed: its settlements stay as they are', the_month
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER billing_settlement_closed BEFORE INSERT OR UPDATE OR DELETE ON billing_settlement
    FOR EACH ROW EXECUTE FUNCTION billing_settlement_guard();

CREATE FUNCTION billing_invoiceseries_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.last_number = 0 THEN
        RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
    END IF;
    IF TG_OP = 'DELETE' OR NEW.code <> OLD.code OR NEW.prefix <> OLD.prefix
        OR NEW.last_number NOT IN (OLD.last_number, OLD.last_number + 1)
    THEN
        RAISE EXCEPTION 'series %: a counter goes on by one, nothing else', OLD.code
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER billing_invoiceseries_by_one BEFORE UPDATE OR DELETE ON billing_invoiceseries
    FOR EACH ROW EXECUTE FUNCTION billing_invoiceseries_guard();
"""
ALLOW = """
DROP TRIGGER billing_invoiceseries_by_one ON billing_invoiceseries;
DROP FUNCTION billing_invoiceseries_guard();
DROP TRIGGER billing_settlement_closed ON billing_settlement;
DROP FUNCTION billing_settlement_guard();
DROP TRIGGER billing_monthclosing_not_changed ON billing_monthclosing;
DROP TRIGGER billing_monthclosing_not_deleted ON billing_monthclosing;
DROP TRIGGER billing_invoicedocument_immutable ON billing_invoicedocument;
DROP FUNCTION billing_kept_guard();
NO_PARTS_TRIGGERS
DROP FUNCTION billing_invoice_parts_guard();
DROP TRIGGER billing_invoice_immutable ON billing_invoice;
DROP FUNCTION billing_invoice_guard();
"""


class Migration(migrations.Migration):
    dependencies = [("billing", "0010_tax_places")]

    operations = [
        migrations.RunSQL(
            REFUSE.replace("PARTS_TRIGGERS", PARTS_TRIGGERS),
            ALLOW.replace("NO_PARTS_TRIGGERS", NO_PARTS_TRIGGERS),
        )
    ]
