"""Django settings. Everything that differs between two deployments comes from the environment."""

import os
from datetime import timedelta

from csp.constants import NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE

from cariflex import env
from cariflex.admin_look import ADMIN_LOOK
from cariflex.schedule import BEAT_SCHEDULE

BASE_DIR = env.CHECKOUT
PORTS = env.ports()
VAR_DIR = env.var_dir()

DEBUG = env.flag("CARIFLEX_DEBUG")
DEMO = env.flag("CARIFLEX_DEMO")
TESTING = env.flag("CARIFLEX_TESTING")
# Tests bring their own secret; every other process must be given one.
SECRET_KEY = env.text("CARIFLEX_SECRET_KEY", "test-only" if TESTING else None)
FIELD_KEY = env.text("CARIFLEX_FIELD_KEY", env.derived_key(SECRET_KEY, "fields"))
DEMO_SECRET = env.text("CARIFLEX_DEMO_SECRET", env.derived_key(SECRET_KEY, "demo"))
OUTGOING_LOOPBACK_ALLOWED = env.flag("CARIFLEX_ALLOW_LOOPBACK", default=DEMO or TESTING)
# Whether roaming partners may be reached on this machine (127.0.0.1), for the demo and for trials
# of two deployments; `check --deploy` refuses it (apps.ocpi.checks).
OCPI_LOOPBACK_ALLOWED = env.flag("CARIFLEX_OCPI_ALLOW_LOOPBACK", default=DEMO or TESTING)
# What one roaming partner may ask within ten seconds before it is answered 429.
OCPI_CALLS_PER_10_S = env.whole_number("CARIFLEX_OCPI_CALLS_PER_10_S", 5_000)
OCPI_STRANGERS_LOGGED_PER_10_S = 50
# Directories of register maps besides the shipped ones, parted like a PATH (docs/device-models.md).
DEVICE_MAPS = [entry for entry in env.text("CARIFLEX_DEVICE_MAPS", "").split(os.pathsep) if entry]
# Where exchange files are laid down for operators: a folder for each (named as its schema), and in
# it the folders that its feeds name. Empty: no such deliveries.
FEED_FOLDERS = env.text("CARIFLEX_FEED_FOLDERS", "")
# Ask a station that boots for its device model when it is not known yet (OCPP B07).
OCPP_ASK_MODEL = env.flag("CARIFLEX_OCPP_ASK_MODEL", default=not TESTING)
# Hosts of CitrineOS servers that stand in this deployment's own network: they may have private
# addresses and speak without TLS. Whatever else an operator enters must be public, with TLS.
CITRINEOS_OWN_HOSTS = frozenset(env.text("CARIFLEX_CITRINEOS_HOSTS", "").replace(",", " ").split())
# A station waits for the answer: what decides on tokens elsewhere is skipped after this time.
AUTHORIZATION_BUDGET_S = 1.5
# A token that only they could know, while they do not answer: "known" lets charge who charged
# here before, "refuse" nobody.
AUTHORIZATION_OFFLINE_POLICY = env.text("CARIFLEX_AUTHORIZATION_OFFLINE_POLICY", "known")
if AUTHORIZATION_OFFLINE_POLICY not in ("known", "refuse"):
    raise env.EnvironmentInvalid("CARIFLEX_AUTHORIZATION_OFFLINE_POLICY", "must be known or refuse")

# The operator is resolved by host (apps.tenants); unknown hosts end there with 404.
ALLOWED_HOSTS = ["*"]
BASE_DOMAIN = env.text("CARIFLEX_DOMAIN", "localhost")
SECURE = env.flag("CARIFLEX_HTTPS")

SHARED_APPS = [
    "cariflex",
    # Before django_tenants, whose admin templates would stand in front of it.
    "unfold",
    "django_tenants",
    "apps.tenants",
    "django.contrib.admin",
    "django.contrib.contenttypes",
    "apps.accounts",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "channels",
    "csp",
]
# Users, sessions, groups and admin history belong to one operator: their tables are in its schema.
TENANT_APPS = [
    "django.contrib.admin",
    "django.contrib.contenttypes",
    "apps.accounts",
    "django.contrib.auth",
    "django.contrib.sessions",
    # For its hashing; its own table is replaced by ours (KNOX_TOKEN_MODEL).
    "knox",
    "apps.outbox",
    "apps.assets",
    "apps.markets",
    "apps.chargers",
    "apps.flexibility",
    "apps.billing",
    "apps.ocpi",
    "apps.gireve",
    "apps.console",
]
INSTALLED_APPS = SHARED_APPS + [app for app in TENANT_APPS if app not in SHARED_APPS]
TENANT_MODEL = "tenants.Operator"
TENANT_DOMAIN_MODEL = "tenants.Domain"
AUTH_USER_MODEL = "accounts.User"
KNOX_TOKEN_MODEL = "accounts.ApiToken"  # noqa: S105 - a name of a model
# Its migrations would make the table that KNOX_TOKEN_MODEL replaces.
MIGRATION_MODULES = {"knox": None}
PUBLIC_SCHEMA_NAME = "public"
ROOT_URLCONF = "cariflex.urls"
PUBLIC_SCHEMA_URLCONF = "cariflex.urls_public"
DATABASE_ROUTERS = ["django_tenants.routers.TenantSyncRouter"]
# Measured: no gain, and it widens the window for a read in the wrong schema (ADR 0002).
TENANT_LIMIT_SET_CALLS = False

MIDDLEWARE = [
    "apps.tenants.middleware.HealthMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "apps.tenants.middleware.OperatorMiddleware",
    "csp.middleware.CSPMiddleware",
    "apps.tenants.middleware.AdminPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "apps.accounts.middleware.SessionBindingMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "apps.accounts.middleware.OperatorTimeZoneMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
FORM_RENDERER = "django.forms.renderers.DjangoTemplates"

DATABASE_URL = env.text("DATABASE_URL", "postgres://cariflex:cariflex@127.0.0.1:5902/cariflex")
DATABASES = {
    "default": {
        "ENGINE": "django_tenants.postgresql_backend",
        **env.database(DATABASE_URL),
        # Persistent connections: HTTP runs on WSGI threads, never on ASGI (ADR 0004).
        "CONN_MAX_AGE": env.whole_number("CARIFLEX_CONN_MAX_AGE_S", 60),
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {"connect_timeout": 5, "application_name": env.text("CARIFLEX_PROCESS", "web")},
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.text("REDIS_URL", "redis://127.0.0.1:5903/0")
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_FUNCTION": "apps.tenants.caching.make_key",
        "KEY_PREFIX": "cariflex",
    }
}
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.core.RedisChannelLayer",
        "CONFIG": {
            # redis-py 8 has a socket time-out of 5 s, as long as the layer's blocking read:
            # without None every idle WebSocket is closed after 5 s (channels_redis issue 422).
            "hosts": [{"address": REDIS_URL, "socket_timeout": None}],
            "prefix": f"cariflex-{DATABASES['default']['NAME']}",
            "capacity": 1000,
        },
    }
}
WEB_THREADS = env.whole_number("CARIFLEX_WEB_THREADS", 8)
# Database threads of the sockets of one live process (stations and browsers).
LIVE_THREADS = env.whole_number("CARIFLEX_LIVE_THREADS", 6)

FLEXMEASURES_URL = env.text("FLEXMEASURES_URL", f"http://127.0.0.1:{PORTS.flexmeasures}")
FLEXMEASURES_PROVISION_TOKEN = env.text(
    "FLEXMEASURES_PROVISION_TOKEN", env.derived_key(SECRET_KEY, "flexmeasures")
)
ENTSOE_URL = env.text("ENTSOE_URL", f"http://127.0.0.1:{PORTS.simulated_entsoe}/api")

# --- users, sessions ---
LOGIN_URL = "/login/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/login/"
SESSION_COOKIE_NAME = "cariflex_session"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = SECURE
CSRF_COOKIE_SECURE = SECURE
CSRF_COOKIE_SAMESITE = "Lax"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SECURE else None
SECURE_HSTS_SECONDS = 31_536_000 if SECURE else 0
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
if TESTING:
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

# Unfold runs the ordinary Alpine build, which needs eval: allowed on /admin/ only
# (apps.tenants.middleware.AdminPolicyMiddleware).
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
ADMIN_CSP_UPDATE = {
    "script-src": [UNSAFE_EVAL],
    "style-src": [UNSAFE_INLINE],
}

# --- words, time ---
LANGUAGE_CODE = "fr"
LANGUAGES = [("fr", "Français"), ("en", "English"), ("es", "Español")]
LOCALE_PATHS = [BASE_DIR / "locale"]
LANGUAGE_COOKIE_NAME = "cariflex_language"
LANGUAGE_COOKIE_SAMESITE = "Lax"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

# --- files ---
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django_tenants.files.storage.TenantFileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
MEDIA_ROOT = VAR_DIR / "media"
MULTITENANT_RELATIVE_MEDIA_ROOT = "%s"
# How long the file of an export can be downloaded.
EXPORTS_KEPT = timedelta(days=env.whole_number("CARIFLEX_EXPORTS_KEPT_DAYS", 7))
# The packages' files are served where they lie: no copy step before a start.
WHITENOISE_USE_FINDERS = True
# Looking at all files costs 40 ms, which every client of a test would pay.
WHITENOISE_AUTOREFRESH = DEBUG or TESTING

# --- mails ---
MAIL_SERVER = env.mail_server()
MAIL_CONFIGURED = MAIL_SERVER.is_configured
EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
EMAIL_HOST = MAIL_SERVER.host
EMAIL_PORT = MAIL_SERVER.port
EMAIL_HOST_USER = MAIL_SERVER.user
EMAIL_HOST_PASSWORD = MAIL_SERVER.password
EMAIL_USE_TLS = MAIL_SERVER.security == "starttls"
EMAIL_USE_SSL = MAIL_SERVER.security == "tls"
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.text("CARIFLEX_EMAIL_FROM", f"Cariflex <cariflex@{BASE_DOMAIN}>")

# --- work in the background ---
CELERY_BROKER_URL = "memory://" if TESTING else REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_WORKER_HIJACK_ROOT_LOGGER = True
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_BROKER_TRANSPORT_OPTIONS = {
    # Longer than the longest task: a plan waits up to 120 s for FlexMeasures.
    "visibility_timeout": 300,
    # The defaults give work of a killed worker back only after ~100 s more (kombu 5.7).
    "unacked_restore_interval": 1,
    "unacked_restore_throttle": 1,
    "global_keyprefix": "celery:",
    "socket_keepalive": True,
}
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 2, "interval_start": 0.1, "interval_step": 0.2}
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE = BEAT_SCHEDULE

# --- pages for people without a contract ---
AD_HOC_PAGES_PER_MINUTE = 120
AD_HOC_STARTS_PER_MINUTE = 10

# --- API ---
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        # The first one says how to log in (WWW-Authenticate of a 401).
        "apps.accounts.api.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    # Nothing is open, and nothing is allowed that the view does not declare.
    "DEFAULT_PERMISSION_CLASSES": [
        "rest_framework.permissions.IsAuthenticated",
        "cariflex.common.api.permissions.DeclaredPermissions",
    ],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "cariflex.common.api.negotiation.Negotiation",
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_SCHEMA_CLASS": "cariflex.common.api.openapi.Schema",
    "EXCEPTION_HANDLER": "cariflex.common.api.errors.exception_handler",
}
REST_KNOX = {
    "AUTH_HEADER_PREFIX": "Bearer",
    # Tells people and secret scanners whose key it is.
    "TOKEN_PREFIX": "cfx_",
    "AUTO_REFRESH": False,
}
API_AUTH_FAILURES_PER_MINUTE = 30
API_PUSH_MAX_BYTES = 8 * 1024 * 1024
API_PUSH_MAX_READINGS = 50_000
SPECTACULAR_SETTINGS = {
    "TITLE": "Cariflex API",
    "VERSION": "1",
    "DESCRIPTION": "Sites, devices, readings, set-points and alarms of one operator.",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1/",
    "SORT_OPERATIONS": True,
    "PREPROCESSING_HOOKS": ["cariflex.common.api.openapi.without_slash_twins"],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "cariflex.common.api.openapi.without_titles",
    ],
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    # Several things have a status.
    "ENUM_NAME_OVERRIDES": {
        "AccountKindEnum": "apps.billing.choices.AccountKind",
        "CommandStatusEnum": "apps.chargers.choices.CommandStatus",
        "ConnectorStatusEnum": "apps.chargers.choices.ConnectorStatus",
        "DeliveryStateEnum": "apps.outbox.choices.MessageState",
        "DisplayFormatEnum": "apps.chargers.choices.DisplayFormat",
        "DisplaySourceEnum": "apps.chargers.choices.DisplaySource",
        "DisplayStateEnum": "apps.chargers.choices.DisplayState",
        "DisplayStatusEnum": "apps.chargers.choices.DisplayStatus",
        "DisputeStateEnum": "apps.billing.choices.DisputeState",
        "ExceptionStateEnum": "apps.billing.choices.ExceptionState",
        "ExportKindEnum": "apps.billing.exports.choices.ExportKind",
        "InvoiceKindEnum": "apps.billing.choices.InvoiceKind",
        "InvoiceStateEnum": "apps.billing.choices.InvoiceState",
        "MethodEnum": "apps.billing.choices.PaymentMethod",
        "PaymentDirectionEnum": "apps.billing.choices.PaymentDirection",
        "ProfileMethodEnum": "apps.ocpi.choices.ProfileMethod",
        "RemoteCommandKindEnum": "apps.ocpi.choices.RemoteCommandKind",
        "RoamingDirectionEnum": "apps.ocpi.choices.Direction",
        "SettlementDirectionEnum": "apps.billing.choices.SettlementDirection",
        "SettlementStateEnum": "apps.billing.choices.SettlementState",
        "StateEnum": "apps.chargers.choices.SessionState",
        "StatementFormatEnum": "apps.billing.choices.StatementFormat",
        "TariffTypeEnum": "apps.billing.choices.TariffType",
        "TaxCategoryEnum": "apps.billing.choices.TaxCategory",
        "TokenStatusEnum": "apps.chargers.choices.TokenStatus",
        "TokenTypeEnum": "apps.chargers.choices.TokenType",
    },
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"operator": {"()": "apps.tenants.logs.OperatorFilter"}},
    "formatters": {
        "line": {
            "format": "%(asctime)s %(levelname)s %(name)s operator=%(operator)s %(message)s",
        }
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "line",
            "filters": ["operator"],
        }
    },
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        "django.request": {"level": "ERROR"},
        "ocpp": {"level": "WARNING"},
        "pymodbus": {"level": "CRITICAL"},
    },
}

UNFOLD = ADMIN_LOOK
