"""Words of the roaming gateway; where the standard has one (OCPI 2.2.1), it is that one."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class OcpiVersion(TextChoices):
    """Versions that are spoken here; the one that both sides know and is highest is agreed on."""

    V2_1_1 = "2.1.1", "2.1.1"
    V2_2_1 = "2.2.1", "2.2.1"
    V2_3_0 = "2.3.0", "2.3.0"


class PartyRole(TextChoices):
    """What a party is (2.2.1 §8.3.1)."""

    CPO = "CPO", _("charge point operator")
    EMSP = "EMSP", _("mobility provider")
    HUB = "HUB", _("hub")
    NAP = "NAP", _("national access point")
    NSP = "NSP", _("navigation provider")
    OTHER = "OTHER", _("other")
    SCSP = "SCSP", _("smart charging provider")


class PartnerState(TextChoices):
    """How far a partner's registration is."""

    INVITED = "invited", _("invited")
    REGISTERED = "registered", _("registered")
    SUSPENDED = "suspended", _("suspended")
    GONE = "gone", _("unregistered")


class InterfaceRole(TextChoices):
    """Whose data an interface is about: the sender owns them (2.2.1 §6.2.2)."""

    SENDER = "SENDER", _("sender")
    RECEIVER = "RECEIVER", _("receiver")


class SessionUpdates(TextChoices):
    """How changes of a session are told to a partner."""

    PATCH = "patch", "PATCH"
    PUT = "put", "PUT"


class DeliveryPolicy(TextChoices):
    """What becomes of a push that the partner did not take."""

    NONE = "none", _("dropped: the partner pulls")
    FIFO = "fifo", _("kept and sent again, in order")


class ObjectKind(TextChoices):
    """Objects that travel; the names are those of the modules."""

    LOCATIONS = "locations", _("locations")
    SESSIONS = "sessions", _("sessions")
    CDRS = "cdrs", _("CDRs")
    TARIFFS = "tariffs", _("tariffs")
    TOKENS = "tokens", _("tokens")


class Direction(TextChoices):
    """Who asked: the partner asks us, or we ask them."""

    IN = "in", _("from the partner")
    OUT = "out", _("to the partner")


class HubStatus(TextChoices):
    """Whether a party behind a hub can be reached (2.2.1 §15.3.1)."""

    CONNECTED = "CONNECTED", _("connected")
    OFFLINE = "OFFLINE", _("offline")
    PLANNED = "PLANNED", _("planned")
    SUSPENDED = "SUSPENDED", _("suspended")


class PullMode(TextChoices):
    """All of a list, or what changed since the last time."""

    FULL = "full", _("all")
    DELTA = "delta", _("changes")


class PullState(TextChoices):
    """How far a pull is."""

    RUNNING = "running", _("running")
    DONE = "done", _("done")
    FAILED = "failed", _("failed")


class RemoteCommandKind(TextChoices):
    """Commands of 2.2.1 §13.4.1."""

    START_SESSION = "START_SESSION", _("start a session")
    STOP_SESSION = "STOP_SESSION", _("stop a session")
    RESERVE_NOW = "RESERVE_NOW", _("reserve")
    CANCEL_RESERVATION = "CANCEL_RESERVATION", _("cancel a reservation")
    UNLOCK_CONNECTOR = "UNLOCK_CONNECTOR", _("unlock a connector")


class ProfileMethod(TextChoices):
    """What is done about a session's charging profile (2.2.1 §14.2.1)."""

    PUT = "PUT", _("set")
    GET = "GET", _("ask")
    DELETE = "DELETE", _("clear")


class AllowedType(TextChoices):
    """The answer to whether a token may charge (2.2.1 §12.4.1)."""

    ALLOWED = "ALLOWED", _("allowed")
    BLOCKED = "BLOCKED", _("blocked")
    EXPIRED = "EXPIRED", _("expired")
    NO_CREDIT = "NO_CREDIT", _("no credit")
    NOT_ALLOWED = "NOT_ALLOWED", _("not allowed")


class WhitelistType(TextChoices):
    """When a token may charge without asking its provider (2.2.1 §12.4.5)."""

    ALWAYS = "ALWAYS", _("always")
    ALLOWED = "ALLOWED", _("allowed")
    ALLOWED_OFFLINE = "ALLOWED_OFFLINE", _("while the provider is away")
    NEVER = "NEVER", _("never")


class AskOutcome(TextChoices):
    """How asking a provider about a token ended."""

    ANSWERED = "answered", _("answered")
    REMEMBERED = "remembered", _("decided without asking")
    SLOW = "slow", _("too slow")
    FAILED = "failed", _("failed")
