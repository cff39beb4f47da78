"""PostgreSQL itself keeps issued papers, closed months and counters as they are, whoever asks."""

from django.db import migrations

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

-- FOR SHARE waits for whoever is issuing the invoice, and then sees that it is issued.
CREATE FUNCTION billing_invoice_part_check(schema_name name, invoice bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE found_state text;
BEGIN
    EXECUTE format('SELECT state FROM %I.billing_invoice WHERE id = $1 FOR SHARE', schema_name)
        INTO found_state USING invoice;
    IF found_state = 'issued' THEN
        RAISE EXCEPTION 'invoice % is issued: its lines are never changed or deleted', invoice
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
END
$$;
CREATE FUNCTION billing_invoiceline_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM billing_invoice_part_check(TG_TABLE_SCHEMA, OLD.invoice_id);
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    PERFORM billing_invoice_part_check(TG_TABLE_SCHEMA, NEW.invoice_id);
    RETURN NEW;
END
$$;
CREATE TRIGGER billing_invoiceline_immutable
    BEFORE INSERT OR UPDATE OR DELETE ON billing_invoiceline
    FOR EACH ROW EXECUTE FUNCTION billing_invoiceline_guard();

CREATE FUNCTION billing_invoicecdr_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE invoice bigint;
BEGIN
    IF TG_OP <> 'INSERT' THEN
        EXECUTE format(
            'SELECT invoice_id FROM %I.billing_invoiceline WHERE id = $1', TG_TABLE_SCHEMA
        ) INTO invoice USING OLD.line_id;
        PERFORM billing_invoice_part_check(TG_TABLE_SCHEMA, invoice);
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    EXECUTE format(
        'SELECT invoice_id FROM %I.billing_invoiceline WHERE id = $1', TG_TABLE_SCHEMA
    ) INTO invoice USING NEW.line_id;
    PERFORM billing_invoice_part_check(TG_TABLE_SCHEMA, invoice);
    RETURN NEW;
END
$$;
CREATE TRIGGER billing_invoicecdr_immutable
    BEFORE INSERT OR UPDATE OR DELETE ON billing_invoicecdr
    FOR EACH ROW EXECUTE FUNCTION billing_invoicecdr_guard();

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
DROP TRIGGER billing_invoicecdr_immutable ON billing_invoicecdr;
DROP FUNCTION billing_invoicecdr_guard();
DROP TRIGGER billing_invoiceline_immutable ON billing_invoiceline;
DROP FUNCTION billing_invoiceline_guard();
DROP FUNCTION billing_invoice_part_check(name, bigint);
DROP TRIGGER billing_invoice_immutable ON billing_invoice;
DROP FUNCTION billing_invoice_guard();
"""


class Migration(migrations.Migration):
    dependencies = [("billing", "0010_tax_places")]

    operations = [migrations.RunSQL(REFUSE, ALLOW)]
