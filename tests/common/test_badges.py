"""Every state in the back office's lists is shown by its word."""

from django.contrib import admin

from cariflex.common.badges import Badges


def test_a_state_without_a_colour_is_grey() -> None:
    badges = Badges({"done": "success"})

    assert badges["done"] == "success"
    assert badges["late"] is None


def test_every_table_of_colours_knows_every_state() -> None:
    tables = [
        (type(shown).__name__, name)
        for shown in admin.site._registry.values()
        for name in dir(type(shown))
        if isinstance(label := getattr(getattr(type(shown), name, None), "label", None), dict)
        and not isinstance(label, Badges)
    ]

    assert tables == []
