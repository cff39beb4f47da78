import django.db.models.deletion
from django.db import migrations, models

REFUSE = """
CREATE FUNCTION billing_tariff_version_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'tariff version % is issued: it is never changed or deleted', OLD.id
        USING ERRCODE = 'integrity_constraint_violation';
END
$$;
CREATE TRIGGER billing_tariff_version_immutable BEFORE UPDATE OR DELETE ON billing_tariffversion
    FOR EACH ROW WHEN (OLD.state = 'issued')
    EXECUTE FUNCTION billing_tariff_version_refuse_change();

CREATE FUNCTION billing_dynamic_formula_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT 1 FROM billing_tariffversion WHERE state = 'issued'
        AND (id = COALESCE(OLD.version_id, NEW.version_id) OR id = NEW.version_id)
    ) THEN
        RAISE EXCEPTION 'the formula of an issued tariff version is never changed'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN COALESCE(NEW, OLD);
END
$$;
CREATE TRIGGER billing_dynamic_formula_immutable
    BEFORE INSERT OR UPDATE OR DELETE ON billing_dynamicformula
    FOR EACH ROW EXECUTE FUNCTION billing_dynamic_formula_refuse_change();

CREATE FUNCTION billing_dynamic_price_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a price of a dynamic tariff was told: it is never changed or deleted'
        USING ERRCODE = 'integrity_constraint_violation';
END
$$;
CREATE TRIGGER billing_dynamic_price_immutable BEFORE UPDATE OR DELETE ON billing_dynamicprice
    FOR EACH ROW EXECUTE FUNCTION billing_dynamic_price_refuse_change();
"""
ALLOW = """
DROP TRIGGER billing_dynamic_price_immutable ON billing_dynamicprice;
DROP FUNCTION billing_dynamic_price_refuse_change();
DROP TRIGGER billing_dynamic_formula_immutable ON billing_dynamicformula;
DROP FUNCTION billing_dynamic_formula_refuse_change();
DROP TRIGGER billing_tariff_version_immutable ON billing_tariffversion;
DROP FUNCTION billing_tariff_version_refuse_change();
"""


class Migration(migrations.Migration):
    """Flat columns go; issued versions and told prices are kept by PostgreSQL itself.

    Not reversible with rows: the flat prices are in the content by then.
    """

    dependencies = [("billing", "0008_flat_prices_to_versions")]

    operations = [
        migrations.RemoveConstraint("tariffversion", "tariff_price_not_negative"),
        migrations.RemoveConstraint("tariffversion", "tariff_vat_percent_range"),
        migrations.RemoveConstraint("tariffversion", "tariff_currency_iso_4217"),
        migrations.RemoveField("tariffversion", "name"),
        migrations.RemoveField("tariffversion", "price_per_kwh_excl_vat"),
        migrations.RemoveField("tariffversion", "vat_percent"),
        migrations.AlterModelOptions(
            name="tariffversion",
            options={
                "ordering": ["tariff", "-number"],
                "verbose_name": "tariff version",
                "verbose_name_plural": "tariff versions",
            },
        ),
        migrations.AlterField(
            model_name="tariffversion",
            name="number",
            field=models.PositiveIntegerField(verbose_name="version"),
        ),
        migrations.AlterField(
            model_name="tariffversion",
            name="tariff",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="versions",
                to="billing.tariff",
                verbose_name="tariff",
            ),
        ),
        migrations.AddIndex(
            model_name="tariffversion",
            index=models.Index(fields=["tariff", "-valid_from"], name="tariff_version_in_force"),
        ),
        migrations.AddConstraint(
            model_name="tariffversion",
            constraint=models.UniqueConstraint(
                fields=("tariff", "number"), name="tariff_version_number_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="tariffversion",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "draft")),
                fields=("tariff",),
                name="tariff_version_one_draft",
            ),
        ),
        migrations.AddConstraint(
            model_name="tariffversion",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("state", "draft"),
                    models.Q(
                        ("issued_at__isnull", False),
                        ("state", "issued"),
                        ("valid_from__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="tariff_version_issued_has_start",
            ),
        ),
        migrations.AddConstraint(
            model_name="tariffversion",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("valid_until__isnull", True),
                    models.Q(
                        ("valid_from__isnull", False), ("valid_until__gt", models.F("valid_from"))
                    ),
                    _connector="OR",
                ),
                name="tariff_version_ends_after_start",
            ),
        ),
        migrations.AddConstraint(
            model_name="tariffversion",
            constraint=models.CheckConstraint(
                condition=models.Q(("currency__regex", "^[A-Z]{3}$")),
                name="tariff_version_currency_iso_4217",
            ),
        ),
        migrations.RunSQL(REFUSE, ALLOW),
    ]
