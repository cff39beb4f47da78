import apps.tenants.fields
import cariflex.common.ids
import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    """Webhooks with their events and deliveries; messages on displays; customer information."""

    dependencies = [
        ('chargers', '0009_bidirectional_and_streams'),
        ('outbox', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='WebhookEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('event_id', models.UUIDField(default=cariflex.common.ids.new_id, editable=False, unique=True, verbose_name='event id')),
                ('type', models.CharField(max_length=40, verbose_name='type')),
                ('sequence', models.PositiveBigIntegerField(blank=True, null=True, verbose_name='sequence')),
                ('data', models.JSONField(default=dict, verbose_name='content')),
                ('occurred_at', models.DateTimeField(verbose_name='happened at')),
                ('recorded_at', models.DateTimeField(db_index=True, verbose_name='recorded at')),
                ('station', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='webhook_events', to='chargers.chargingstation', verbose_name='station')),
            ],
            options={
                'verbose_name': 'event for webhooks',
                'verbose_name_plural': 'events for webhooks',
                'ordering': ['-pk'],
            },
        ),
        migrations.CreateModel(
            name='WebhookSequence',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('last', models.PositiveBigIntegerField(default=0, verbose_name='last number')),
                ('station', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='webhook_sequence', to='chargers.chargingstation')),
            ],
            options={
                'verbose_name': 'count of events',
                'verbose_name_plural': 'counts of events',
            },
        ),
        migrations.CreateModel(
            name='WebhookSubscription',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=100, verbose_name='name')),
                ('url', models.CharField(max_length=500, verbose_name='address')),
                ('event_types', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=40), help_text='Types of events; * stands for any characters, as in session.*', size=None, verbose_name='events')),
                ('stations', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=48), help_text='Station ids; * stands for any characters, as in MARINA-*', size=None, verbose_name='stations')),
                ('is_active', models.BooleanField(default=True, verbose_name='active')),
                ('secret', apps.tenants.fields.EncryptedTextField(editable=False, verbose_name='secret')),
                ('previous_secret', apps.tenants.fields.EncryptedTextField(blank=True, editable=False, verbose_name='previous secret')),
                ('previous_secret_until', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='previous secret until')),
                ('failures', models.PositiveIntegerField(default=0, editable=False, verbose_name='failures in a row')),
                ('retry_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='tried again from')),
                ('delivered_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='delivered last at')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created at')),
                ('created_by', models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='created by')),
            ],
            options={
                'verbose_name': 'webhook',
                'verbose_name_plural': 'webhooks',
                'ordering': ['name', 'pk'],
            },
        ),
        migrations.CreateModel(
            name='WebhookDelivery',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('is_replay', models.BooleanField(default=False, verbose_name='replay')),
                ('attempts', models.PositiveIntegerField(default=0, verbose_name='attempts')),
                ('attempted_at', models.DateTimeField(blank=True, null=True, verbose_name='last attempt at')),
                ('answer_status', models.PositiveSmallIntegerField(blank=True, null=True, verbose_name='HTTP status')),
                ('answer', models.CharField(blank=True, max_length=500, verbose_name='answer')),
                ('error', models.CharField(blank=True, max_length=300, verbose_name='error')),
                ('duration_ms', models.PositiveIntegerField(blank=True, null=True, verbose_name='duration (ms)')),
                ('message', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='outbox.outboxmessage', verbose_name='message')),
                ('event', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='deliveries', to='chargers.webhookevent', verbose_name='event')),
                ('subscription', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='deliveries', to='chargers.webhooksubscription', verbose_name='webhook')),
            ],
            options={
                'verbose_name': 'webhook delivery',
                'verbose_name_plural': 'webhook deliveries',
                'ordering': ['-pk'],
            },
        ),
        migrations.CreateModel(
            name='CustomerInformation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('requested_at', models.DateTimeField(verbose_name='requested at')),
                ('request_id', models.BigIntegerField(verbose_name='request id')),
                ('reference', models.CharField(choices=[('idToken', 'Token'), ('customerIdentifier', 'Identifier'), ('customerCertificate', 'Certificate')], max_length=19, verbose_name='customer named by')),
                ('customer', models.CharField(blank=True, max_length=80, verbose_name='customer')),
                ('wants_report', models.BooleanField(default=True, verbose_name='report')),
                ('wants_clear', models.BooleanField(default=False, verbose_name='forget')),
                ('status', models.CharField(choices=[('asked', 'Requested'), ('running', 'Running'), ('done', 'Done'), ('failed', 'Failed'), ('ended', 'Ended')], default='asked', max_length=8, verbose_name='status')),
                ('station_status', models.CharField(blank=True, max_length=40, verbose_name='said by the station')),
                ('parts', apps.tenants.fields.EncryptedTextField(blank=True, editable=False, verbose_name='told by the station')),
                ('last_part', models.PositiveIntegerField(blank=True, editable=False, null=True, verbose_name='last part')),
                ('generated_at', models.DateTimeField(blank=True, null=True, verbose_name='told at')),
                ('ended_at', models.DateTimeField(blank=True, null=True, verbose_name='ended at')),
                ('command', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='chargers.command')),
                ('requested_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='requested by')),
                ('station', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='customer_information', to='chargers.chargingstation', verbose_name='station')),
            ],
            options={
                'verbose_name': 'customer information',
                'verbose_name_plural': 'customer information',
                'ordering': ['-pk'],
                'constraints': [models.UniqueConstraint(fields=('station', 'request_id'), name='customer_information_once')],
            },
        ),
        migrations.CreateModel(
            name='DisplayMessage',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('requested_at', models.DateTimeField(verbose_name='requested at')),
                ('message_id', models.PositiveBigIntegerField(verbose_name='message id')),
                ('source', models.CharField(choices=[('operator', 'Operator'), ('station', 'Station')], default='operator', max_length=8, verbose_name='source')),
                ('priority', models.CharField(choices=[('AlwaysFront', 'Always in front'), ('InFront', 'In front'), ('NormalCycle', 'In turn')], default='NormalCycle', max_length=11, verbose_name='priority')),
                ('state', models.CharField(blank=True, choices=[('Charging', 'Charging'), ('Faulted', 'Faulted'), ('Idle', 'Idle'), ('Unavailable', 'Unavailable'), ('Suspended', 'Suspended'), ('Discharging', 'Discharging')], max_length=11, verbose_name='shown while the station is')),
                ('start_at', models.DateTimeField(blank=True, null=True, verbose_name='shown from')),
                ('end_at', models.DateTimeField(blank=True, null=True, verbose_name='shown until')),
                ('transaction_id', models.CharField(blank=True, max_length=36, verbose_name='during transaction')),
                ('format', models.CharField(choices=[('ASCII', 'ASCII'), ('HTML', 'HTML'), ('URI', 'URI'), ('UTF8', 'UTF-8'), ('QRCODE', 'QR code')], default='UTF8', max_length=6, verbose_name='format')),
                ('language', models.CharField(blank=True, max_length=8, verbose_name='language')),
                ('content', models.TextField(verbose_name='text')),
                ('status', models.CharField(choices=[('requested', 'Requested'), ('shown', 'At the station'), ('rejected', 'Rejected'), ('failed', 'Failed'), ('replaced', 'Replaced'), ('cleared', 'Cleared'), ('removed', 'Removed by the station'), ('ended', 'Ended')], default='requested', max_length=9, verbose_name='status')),
                ('station_status', models.CharField(blank=True, max_length=40, verbose_name='said by the station')),
                ('told_request_id', models.BigIntegerField(blank=True, editable=False, null=True, verbose_name='told in report')),
                ('ended_at', models.DateTimeField(blank=True, null=True, verbose_name='ended at')),
                ('command', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='chargers.command')),
                ('requested_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='requested by')),
                ('station', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='display_messages', to='chargers.chargingstation', verbose_name='station')),
            ],
            options={
                'verbose_name': 'display message',
                'verbose_name_plural': 'display messages',
                'ordering': ['-pk'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('status', 'shown')), fields=('station', 'message_id'), name='display_message_shown_once')],
            },
        ),
        migrations.AddIndex(
            model_name='webhookevent',
            index=models.Index(condition=models.Q(('sequence__isnull', True)), fields=['id'], name='webhook_event_waiting'),
        ),
        migrations.AddConstraint(
            model_name='webhookevent',
            constraint=models.UniqueConstraint(fields=('station', 'sequence'), name='webhook_event_sequence'),
        ),
        migrations.AddConstraint(
            model_name='webhookdelivery',
            constraint=models.UniqueConstraint(condition=models.Q(('is_replay', False)), fields=('subscription', 'event'), name='webhook_delivery_once'),
        ),
    ]
