"""The rules that a check tries: a table, each with its place in the standard.

Sections are those of OCPI 2.2.1 unless the version has its own; the chapters of 2.1.1 have no
numbers, so its headings are named.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.ocpi.choices import ObjectKind, OcpiVersion

VERSIONS = "versions"
"""Where the rules about the configuration pages stand."""
LISTS = (
    ObjectKind.LOCATIONS, ObjectKind.SESSIONS, ObjectKind.CDRS, ObjectKind.TARIFFS,
    ObjectKind.TOKENS,
)  # fmt: skip
_EVERYWHERE = (VERSIONS, *LISTS)
_WITH_IDS = (OcpiVersion.V2_2_1, OcpiVersion.V2_3_0)
"""2.1.1 has neither ids of messages nor routing, and does not say which end is included."""
ALL = "*"
"""The section of every version that has none of its own."""
Sections = Mapping[str, str]

_TRANSPORT = "transport_and_format"
_GET: Sections = {ALL: "4.1.4.1", "2.1.1": f"{_TRANSPORT}: GET"}
_REQUEST: Sections = {ALL: "4.1.4.1", "2.1.1": f"{_TRANSPORT}: Paginated Request"}
_RESPONSE: Sections = {ALL: "4.1.4.1", "2.1.1": f"{_TRANSPORT}: Paginated Response"}
_FORMAT: Sections = {ALL: "4.1.7", "2.1.1": f"{_TRANSPORT}: Response format"}
_ENDPOINTS: Sections = {ALL: "4.3", "2.1.1": f"{_TRANSPORT}: Interface endpoints"}
_TOKEN: Sections = {ALL: "4.1.2", "2.1.1": f"{_TRANSPORT}: Request format"}
_ROUTING: Sections = {ALL: "4.1.8", "2.3.0": "4.1.9"}
_CODES: Sections = {ALL: "5", "2.1.1": "status_codes"}
_CLIENT_ERRORS: Sections = {ALL: "5.2", "2.1.1": "status_codes: 2xxx"}
_DATES: Sections = {ALL: "16.2", "2.3.0": "17.5", "2.1.1": "types: 1.2"}
_VERSION_LIST: Sections = {ALL: "6.1", "2.1.1": "version_information_endpoint"}

_GETS: Mapping[str, Sections] = {
    ObjectKind.LOCATIONS: {ALL: "8.2.1.1", "2.1.1": "mod_locations: 2.1.1"},
    ObjectKind.SESSIONS: {ALL: "9.2.1.1", "2.1.1": "mod_sessions: 2.1.1"},
    ObjectKind.CDRS: {ALL: "10.2.1.1", "2.1.1": "mod_cdrs: 2.1.1"},
    ObjectKind.TARIFFS: {ALL: "11.2.1.1", "2.1.1": "mod_tariffs: 2.1.1"},
    ObjectKind.TOKENS: {ALL: "12.2.2.1", "2.1.1": "mod_tokens: 2.2.1"},
}
"""Of the GET method of each list."""
_OBJECTS: Mapping[str, Sections] = {
    VERSIONS: {ALL: "6.1, 6.2", "2.1.1": "version_information_endpoint"},
    ObjectKind.LOCATIONS: {ALL: "8.3.1", "2.1.1": "mod_locations: 3.1"},
    ObjectKind.SESSIONS: {ALL: "9.3.1", "2.1.1": "mod_sessions: 3.1"},
    ObjectKind.CDRS: {ALL: "10.3.1", "2.1.1": "mod_cdrs: 3.1"},
    ObjectKind.TARIFFS: {ALL: "11.3.1", "2.1.1": "mod_tariffs: 3.1"},
    ObjectKind.TOKENS: {ALL: "12.3.2", "2.1.1": "mod_tokens: 3.2"},
}
"""Of the object of each list."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that the standard asks for; `modules` are those in which it is tried."""

    code: str
    title: str | Promise
    sections: Sections
    modules: tuple[str, ...] = LISTS
    versions: tuple[str, ...] = tuple(OcpiVersion.values)
    of_module: Mapping[str, Sections] = field(default_factory=dict)
    """Sections that differ by module."""

    def section(self, version: str, module: str) -> str:
        """The place in the standard of a version, as `§4.1.7` or a heading."""
        sections = self.of_module.get(module, self.sections)
        text = sections.get(version, sections.get(ALL, ""))
        return f"§{text}" if text[:1].isdigit() else text


RULES: tuple[Rule, ...] = (
    Rule("answered", _("Requests are answered with HTTP 200 and status code 1000"), _CODES,
         _EVERYWHERE),
    Rule("envelope", _("Answers have data, status_code and a timestamp in UTC"), _FORMAT,
         _EVERYWHERE),
    Rule("content_type", _("Answers say that they are application/json"), _FORMAT, _EVERYWHERE),
    Rule("message_ids", _("X-Request-ID and X-Correlation-ID come back as they were sent"),
         {ALL: "4.2"}, _EVERYWHERE, _WITH_IDS),
    Rule("routing_swapped", _("Routing headers come back with sender and receiver swapped"),
         _ROUTING, LISTS, _WITH_IDS),
    Rule("routing_absent", _("Versions are told without routing headers"), _ROUTING, (VERSIONS,),
         _WITH_IDS),
    Rule("version_listed", _("The agreed version is listed, with the address of its details"),
         _VERSION_LIST, (VERSIONS,)),
    Rule("endpoints_same", _("The details still name the addresses of the registration"),
         _ENDPOINTS, (VERSIONS,)),
    Rule("wrong_token", _("An unknown token is answered with HTTP 401"), _TOKEN, (VERSIONS,)),
    Rule("objects", _("Every object has the fields of its type"), {}, _EVERYWHERE,
         of_module=_OBJECTS),
    Rule("dates_utc", _("Every date is in UTC: no offset, three decimals at most"), _DATES),
    Rule("total_count", _("X-Total-Count is there and counts at least the objects given"),
         _RESPONSE),
    Rule("x_limit", _("X-Limit is there and not less than the objects given"), _RESPONSE),
    Rule("limit", _("limit=1 gives one object"), _REQUEST),
    Rule("link_next", _("Link names the next page while there is more"), _RESPONSE),
    Rule("link_absolute", _("Link is an absolute address at the list's own host"), _RESPONSE),
    Rule("link_filters", _("Link keeps date_from and date_to"), _RESPONSE),
    Rule("link_moves", _("Link leads to other objects, and in no circle"), _RESPONSE),
    Rule("link_last", _("The last page has no Link to a next one"), _RESPONSE),
    Rule("date_from", _("date_from in the future gives nothing"), _REQUEST, of_module=_GETS),
    Rule("date_to", _("date_to in the far past gives nothing"), _REQUEST, of_module=_GETS),
    Rule("window_gives", _("A window from an object's last_updated on gives the object"), _REQUEST,
         of_module=_GETS),
    Rule("window_inside", _("A window gives only what was updated in it"), _REQUEST,
         of_module=_GETS),
    Rule("date_to_excluded", _("What was updated at date_to is not given"), _REQUEST, LISTS,
         _WITH_IDS, of_module=_GETS),
    Rule("invalid_date", _("A date_from that is no date is answered with 2001"), _CLIENT_ERRORS),
    Rule("unknown_object", _("An unknown id is answered with HTTP 404 or 2003"), _CODES,
         (ObjectKind.LOCATIONS,)),
    Rule("method", _("A method that an address does not have is refused"), _CODES, (VERSIONS,)),
)  # fmt: skip
_BY_CODE = {rule.code: rule for rule in RULES}


def rule_known(code: str) -> Rule | None:
    """The rule of a row; None for one that an older report has and we no longer do."""
    return _BY_CODE.get(code)


def rules_of(version: str, module: str) -> tuple[Rule, ...]:
    """The rules that are tried in a module of a version."""
    return tuple(rule for rule in RULES if module in rule.modules and version in rule.versions)
