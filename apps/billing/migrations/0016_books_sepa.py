"""Accounts, entries of the books, and files for the bank; a booked entry is never changed."""

import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

REFUSE = """
CREATE FUNCTION billing_bookentry_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'entry % % is booked: it is never changed or deleted', OLD.journal, OLD.number
        USING ERRCODE = 'integrity_constraint_violation';
END
$$;
CREATE TRIGGER billing_bookentry_immutable BEFORE UPDATE OR DELETE ON billing_bookentry
    FOR EACH ROW EXECUTE FUNCTION billing_bookentry_refuse_change();
"""
ALLOW = """
DROP TRIGGER billing_bookentry_immutable ON billing_bookentry;
DROP FUNCTION billing_bookentry_refuse_change();
"""


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0015_inbox_reconciliation'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='BookEntry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('source', models.CharField(max_length=60, unique=True, verbose_name='booked from')),
                ('journal', models.CharField(max_length=10, verbose_name='journal')),
                ('year', models.DateField(verbose_name='accounting year')),
                ('number', models.PositiveIntegerField(verbose_name='number in journal and year')),
                ('on', models.DateField(verbose_name='date of the entry')),
                ('piece_reference', models.CharField(max_length=100, verbose_name='document')),
                ('piece_on', models.DateField(verbose_name='date of the document')),
                ('label', models.CharField(max_length=200, verbose_name='label')),
                ('lines', models.JSONField(default=list, verbose_name='lines')),
                ('booked_at', models.DateTimeField(verbose_name='booked at')),
            ],
            options={
                'verbose_name': 'accounting entry',
                'verbose_name_plural': 'accounting entries',
                'ordering': ['journal', 'year', 'number'],
                'indexes': [models.Index(fields=['on'], name='book_entry_on')],
                'constraints': [models.UniqueConstraint(fields=('journal', 'year', 'number'), name='book_entry_number')],
            },
        ),
        migrations.CreateModel(
            name='BookSettings',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('customers', models.CharField(default='411000', max_length=20, validators=[django.core.validators.RegexValidator('^[1-8][0-9A-Z]{2,19}$', 'An account such as 411000.')], verbose_name='customers')),
                ('suppliers', models.CharField(default='401000', max_length=20, validators=[django.core.validators.RegexValidator('^[1-8][0-9A-Z]{2,19}$', 'An account such as 411000.')], verbose_name='suppliers')),
                ('sales', models.CharField(default='706000', max_length=20, validators=[django.core.validators.RegexValidator('^[1-8][0-9A-Z]{2,19}$', 'An account such as 411000.')], verbose_name='sales of services')),
                ('tax_collected', models.CharField(default='445710', max_length=20, validators=[django.core.validators.RegexValidator('^[1-8][0-9A-Z]{2,19}$', 'An account such as 411000.')], verbose_name='tax collected')),
                ('tax_deductible', models.CharField(default='445660', max_length=20, validators=[django.core.validators.RegexValidator('^[1-8][0-9A-Z]{2,19}$', 'An account such as 411000.')], verbose_name='deductible tax')),
                ('purchases', models.CharField(default='604000', max_length=20, validators=[django.core.validators.RegexValidator('^[1-8][0-9A-Z]{2,19}$', 'An account such as 411000.')], verbose_name='purchases of roaming')),
                ('hub_fees', models.CharField(default='622000', max_length=20, validators=[django.core.validators.RegexValidator('^[1-8][0-9A-Z]{2,19}$', 'An account such as 411000.')], verbose_name='fees of hubs')),
                ('bank', models.CharField(default='512000', max_length=20, validators=[django.core.validators.RegexValidator('^[1-8][0-9A-Z]{2,19}$', 'An account such as 411000.')], verbose_name='bank')),
                ('cards', models.CharField(default='511500', max_length=20, validators=[django.core.validators.RegexValidator('^[1-8][0-9A-Z]{2,19}$', 'An account such as 411000.')], verbose_name='card payments')),
                ('cash', models.CharField(default='530000', max_length=20, validators=[django.core.validators.RegexValidator('^[1-8][0-9A-Z]{2,19}$', 'An account such as 411000.')], verbose_name='cash')),
                ('suspense', models.CharField(default='471000', max_length=20, validators=[django.core.validators.RegexValidator('^[1-8][0-9A-Z]{2,19}$', 'An account such as 411000.')], verbose_name='payments of unknown payers')),
                ('sales_journal', models.CharField(default='VE', max_length=10, validators=[django.core.validators.RegexValidator('^[A-Z0-9]{1,10}$', 'A journal such as VE.')], verbose_name='journal of sales')),
                ('purchases_journal', models.CharField(default='AC', max_length=10, validators=[django.core.validators.RegexValidator('^[A-Z0-9]{1,10}$', 'A journal such as VE.')], verbose_name='journal of purchases')),
                ('bank_journal', models.CharField(default='BQ', max_length=10, validators=[django.core.validators.RegexValidator('^[A-Z0-9]{1,10}$', 'A journal such as VE.')], verbose_name='journal of the bank')),
                ('general_journal', models.CharField(default='OD', max_length=10, validators=[django.core.validators.RegexValidator('^[A-Z0-9]{1,10}$', 'A journal such as VE.')], verbose_name='journal of other entries')),
                ('year_begins_in', models.PositiveSmallIntegerField(default=1, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(12)], verbose_name='first month of the accounting year')),
                ('updated_at', models.DateTimeField(auto_now=True, verbose_name='updated at')),
            ],
            options={
                'verbose_name': 'bookkeeping settings',
                'verbose_name_plural': 'bookkeeping settings',
                'constraints': [models.CheckConstraint(condition=models.Q(('pk', 1)), name='book_settings_one_row'), models.CheckConstraint(condition=models.Q(('year_begins_in__range', (1, 12))), name='book_settings_month')],
            },
        ),
        migrations.CreateModel(
            name='BookTaxAccounts',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('category', models.CharField(choices=[('S', 'Standard rate'), ('Z', 'Zero rate'), ('E', 'Exempt'), ('AE', 'Reverse charge'), ('O', 'Outside the scope of tax')], max_length=2, verbose_name='tax category')),
                ('percent', models.DecimalField(decimal_places=3, max_digits=6, verbose_name='rate (%)')),
                ('sales', models.CharField(max_length=20, validators=[django.core.validators.RegexValidator('^[1-8][0-9A-Z]{2,19}$', 'An account such as 411000.')], verbose_name='sales of services')),
                ('tax_collected', models.CharField(blank=True, max_length=20, validators=[django.core.validators.RegexValidator('^[1-8][0-9A-Z]{2,19}$', 'An account such as 411000.')], verbose_name='tax collected')),
            ],
            options={
                'verbose_name': 'accounts of a tax rate',
                'verbose_name_plural': 'accounts of tax rates',
                'ordering': ['category', 'percent'],
                'constraints': [models.UniqueConstraint(fields=('category', 'percent'), name='book_tax_accounts_once')],
            },
        ),
        migrations.CreateModel(
            name='SepaBatch',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=64, unique=True, verbose_name='key')),
                ('kind', models.CharField(choices=[('debit', 'Direct debit (pain.008)'), ('credit', 'Credit transfer (pain.001)')], max_length=6, verbose_name='kind')),
                ('message_id', models.CharField(max_length=35, unique=True, verbose_name='message id')),
                ('pays_on', models.DateField(verbose_name='payment day')),
                ('total', models.DecimalField(decimal_places=2, max_digits=14, verbose_name='total')),
                ('count', models.PositiveIntegerField(verbose_name='payments')),
                ('file_name', models.CharField(max_length=120, verbose_name='file name')),
                ('sha256', models.CharField(max_length=64, verbose_name='SHA-256')),
                ('content', models.BinaryField()),
                ('made_at', models.DateTimeField(verbose_name='made at')),
                ('made_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='made by')),
            ],
            options={
                'verbose_name': 'SEPA file',
                'verbose_name_plural': 'SEPA files',
                'ordering': ['-made_at', '-pk'],
            },
        ),
        migrations.CreateModel(
            name='SepaItem',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('amount', models.DecimalField(decimal_places=2, max_digits=14, verbose_name='amount')),
                ('end_to_end_id', models.CharField(max_length=35, verbose_name='end-to-end id')),
                ('dropped_at', models.DateTimeField(blank=True, null=True, verbose_name='dropped at')),
                ('dropped_reason', models.CharField(blank=True, max_length=200, verbose_name='dropped because')),
                ('batch', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='items', to='billing.sepabatch')),
                ('dropped_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='dropped by')),
                ('invoice', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='sepa_items', to='billing.invoice')),
                ('settlement', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='sepa_items', to='billing.settlement')),
            ],
            options={
                'verbose_name': 'payment of a SEPA file',
                'verbose_name_plural': 'payments of SEPA files',
                'ordering': ['batch', 'pk'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('dropped_at__isnull', True)), fields=('invoice',), name='sepa_item_invoice_once'), models.UniqueConstraint(condition=models.Q(('dropped_at__isnull', True)), fields=('settlement',), name='sepa_item_settlement_once'), models.UniqueConstraint(fields=('end_to_end_id',), name='sepa_item_end_to_end_once'), models.CheckConstraint(condition=models.Q(('amount__gt', 0)), name='sepa_item_amount_positive'), models.CheckConstraint(condition=models.Q(models.Q(('invoice__isnull', False), ('settlement__isnull', True)), models.Q(('invoice__isnull', True), ('settlement__isnull', False)), _connector='OR'), name='sepa_item_one_paper')],
            },
        ),
        migrations.RunSQL(REFUSE, ALLOW),
    ]
