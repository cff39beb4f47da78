"""Each delivery day and document belongs to the access that it came through."""

from django.db import migrations


def fill(apps, schema_editor):
    """An area that is no longer asked for may have lost its access: it gets one, switched off."""
    series_model = apps.get_model("markets", "Series")
    access_model = apps.get_model("markets", "FeedAccess")
    leading = None
    for series in series_model.objects.order_by("pk"):
        access = access_model.objects.filter(series=series).first()
        if access is None:
            access = access_model(series=series, enabled=False, token="", base_url="")
        access.feed, access.area = series.source, series.area
        access.save()
        if leading is None or (access.enabled and not leading[1]):
            leading = (series, access.enabled)
        for model in ("FeedRequest", "ImportedDocument"):
            apps.get_model("markets", model).objects.filter(series=series).update(access=access)
    if leading is not None:
        series_model.objects.filter(pk=leading[0].pk).update(is_leading=True)


def unfill(apps, schema_editor):
    """Backwards the series of each access is still known: only its price series had one."""
    for access in apps.get_model("markets", "FeedAccess").objects.filter(series__isnull=False):
        for model in ("FeedRequest", "ImportedDocument"):
            apps.get_model("markets", model).objects.filter(access=access).update(
                series=access.series
            )


class Migration(migrations.Migration):
    dependencies = [("markets", "0002_series_and_feeds")]

    operations = [migrations.RunPython(fill, unfill)]
