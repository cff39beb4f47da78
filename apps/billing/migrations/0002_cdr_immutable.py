"""PostgreSQL itself refuses to change or delete an issued CDR, whoever asks."""

from django.db import migrations

REFUSE = """
CREATE FUNCTION billing_cdr_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'cdr % is issued: it is never changed or deleted', OLD.reference
        USING ERRCODE = 'integrity_constraint_violation';
END
$$;
CREATE TRIGGER billing_cdr_immutable BEFORE UPDATE OR DELETE ON billing_cdr
    FOR EACH ROW EXECUTE FUNCTION billing_cdr_refuse_change();
"""
ALLOW = """
DROP TRIGGER billing_cdr_immutable ON billing_cdr;
DROP FUNCTION billing_cdr_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("billing", "0001_initial")]

    operations = [migrations.RunSQL(REFUSE, ALLOW)]
