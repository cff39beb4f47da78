"""What a check saw, as a code with values: a sentence for whoever reads it, in their language."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.ocpi.services.conformance.rules import rule_known

MOST_TOLD = 400
MOST_VALUE = 160

TOLD: dict[str, str | Promise] = {
    # What was seen.
    "good": _("As it should be."),
    "http": _("HTTP %(http)s."),
    "http_code": _("HTTP %(http)s, status code %(code)s."),
    "http_bare": _("HTTP %(http)s without an envelope."),
    "value": _("%(name)s: %(value)s."),
    "missing": _("%(name)s is missing."),
    "not_a_number": _("%(name)s is %(value)s, not a whole number."),
    "too_small": _("%(name)s is %(value)s, but %(count)s objects were given."),
    "no_json": _("The answer is no JSON object."),
    "no_data": _("The envelope has no data."),
    "data_no_list": _("data is no list."),
    "bad_code": _("status_code is %(value)s, not a number of four digits."),
    "bad_timestamp": _("timestamp is %(value)s, not a date in UTC."),
    "content_type": _("Content-Type is %(value)s."),
    "not_echoed": _("%(name)s was %(sent)s and came back as %(value)s."),
    "not_echoed_missing": _("%(name)s was sent and did not come back."),
    "routing_missing": _("%(name)s is missing."),
    "routing_wrong": _("%(name)s is %(value)s; %(sent)s was expected."),
    "routing_present": _("%(name)s is there, with %(value)s."),
    "version_missing": _("%(value)s is not among: %(known)s."),
    "endpoints_differ": _("Not at the address of the registration, or gone: %(names)s."),
    "objects_good": _("%(count)s objects read."),
    "objects_bad": _("%(bad)s of %(count)s objects. First %(key)s: %(why)s."),
    "dates_bad": _("%(bad)s of %(count)s objects. First %(key)s, %(field)s: %(value)s."),
    "too_many": _("%(count)s objects were given."),
    "objects_given": _("%(count)s objects were given."),
    "nothing_given": _("Nothing was given."),
    "one_given": _("One object was given."),
    "link_none": _("There is more, and no Link with rel=next."),
    "link_there": "%(value)s",
    "link_relative": _("Not an absolute address: %(value)s."),
    "link_elsewhere": _("It leads to another host and was not followed: %(value)s."),
    "link_filter_lost": _("%(name)s is missing or changed in %(value)s."),
    "link_itself": _("It leads to the page that it stands on: %(value)s."),
    "link_same": _("The next page begins with the same object: %(key)s."),
    "link_back": _("The next page leads back to a page that was read: %(value)s."),
    "link_empty": _("The next page is empty, and there should be more."),
    "link_on_last": _("All objects were given, and there is a Link: %(value)s."),
    "window_missed": _("%(key)s of %(at)s was not given between %(begins)s and %(ends)s."),
    "window_outside": _("%(key)s of %(at)s was given between %(begins)s and %(ends)s."),
    "window_found": _("%(key)s of %(at)s was given."),
    "not_given": _("%(key)s of %(at)s was not given."),
    "unread_date": _("%(key)s has no last_updated that could be read."),
    "accepted": _("It was accepted: HTTP %(http)s, status code %(code)s."),
    "no_answer": _("No whole answer: %(why)s"),
    # Why a rule was not tried.
    "not_needed": _("Nothing of this list could be looked at."),
    "list_unread": _("The list could not be read."),
    "list_empty": _("The list is empty."),
    "list_of_one": _("The list has one object: there is no next page."),
    "list_too_long": _("Too many objects were updated at the same instant to tell."),
    "list_all_pages": _("The list is too long for its last page to be asked for."),
    "rests_on": _("It rests on what is not kept, or was not tried: %(rule)s."),
    "keeps_changing": _("The object was updated while it was asked for."),
    "no_versions_url": _("The address of their versions is not known."),
    # Why the check stopped.
    "asked_to_wait": _("The partner asked to wait %(seconds)s s; nothing more was asked."),
    "asked_to_wait_some": _("The partner asked to wait; nothing more was asked."),
    "partner_gone": _("The partner stopped answering: %(why)s"),
    "most_requests": _("%(count)s requests were made; that is the most of one check."),
    "most_time": _("The check took too long."),
    "interrupted": _("The check was interrupted."),
    "fault": _("Something went wrong here; our log has it."),
    "not_registered": _("The partner is not registered any more."),
}


@dataclass(frozen=True, slots=True)
class Seen:
    """A code of `TOLD` and its values, cut."""

    code: str
    values: Mapping[str, str | int] = field(default_factory=dict)

    @property
    def told(self) -> str:
        """The English sentence, as it is stored."""
        with translation.override("en"):
            return sentence(self.code, self.values)


def seen(code: str, /, **values: object) -> Seen:
    """What was seen; values are made plain: short, printable, without line ends."""
    return Seen(code, {name: _value(value) for name, value in values.items()})


def sentence(code: str, values: Mapping[str, Any]) -> str:
    """In the language that is active; what an older version wrote is empty."""
    words = TOLD.get(code)
    if words is None:
        return ""
    try:
        text = str(words) % {**values, **_titled(values)}
    except (KeyError, ValueError, TypeError):
        return str(words)
    return text[:MOST_TOLD]


def _titled(values: Mapping[str, Any]) -> dict[str, str]:
    """A rule by its title."""
    rule = rule_known(str(values.get("rule", "")))
    return {} if rule is None else {"rule": str(rule.title)}


def _value(value: object) -> str | int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    text = "".join(sign if sign.isprintable() else "?" for sign in str(value)[: MOST_VALUE + 1])
    return text if len(text) <= MOST_VALUE else f"{text[: MOST_VALUE - 1]}…"
