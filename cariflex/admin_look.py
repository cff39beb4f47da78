"""How the back office looks: Unfold's colours, icon and sidebar."""

from django.templatetags.static import static
from django.utils.translation import gettext_lazy as _

TEAL = {
    "50": "rgb(240 253 250)",
    "100": "rgb(204 251 241)",
    "200": "rgb(153 246 228)",
    "300": "rgb(94 234 212)",
    "400": "rgb(45 212 191)",
    "500": "rgb(20 184 166)",
    "600": "rgb(15 118 110)",
    "700": "rgb(15 110 102)",
    "800": "rgb(17 94 89)",
    "900": "rgb(19 78 74)",
    "950": "rgb(4 47 46)",
}
ADMIN_LOOK = {
    "SITE_TITLE": "Cariflex",
    "SITE_HEADER": "Cariflex",
    "SITE_SUBHEADER": _("Back office"),
    "SITE_URL": "apps.accounts.admin_site.site_address",
    "SITE_ICON": lambda request: static("console/icon.svg"),
    "SITE_FAVICONS": [
        {
            "rel": "icon",
            "sizes": "any",
            "type": "image/svg+xml",
            "href": lambda request: static("console/icon.svg"),
        }
    ],
    "SHOW_LANGUAGES": True,
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "ENVIRONMENT": "apps.accounts.admin_site.environment_label",
    "COLORS": {"primary": TEAL},
    "SIDEBAR": {
        "show_search": True,
        "show_all_applications": False,
        "navigation": "apps.accounts.admin_site.navigation",
    },
}
