"""The rules of charging profiles in the reader's words; the requirement's name stands before.

`apps/chargers/ocpp/smart_charging` says them in English. What it says with figures is matched by
its form; a sentence that is not listed here is shown as it came.
"""

from django.utils.translation import gettext_noop

from apps.chargers.ocpp.smart_charging.profile_rules import RuleBroken
from apps.console.sentences import Sentences

SENTENCES = frozenset({
    gettext_noop("The station does not take dynamic profiles."),
    gettext_noop("A dynamic profile has one schedule."),
    gettext_noop("A dynamic profile has one period."),
    gettext_noop("The station asks again after a time."),
    gettext_noop("LocalFrequency needs a baseline and a curve of two points at least."),
    gettext_noop("LocalFrequency is in W."),
    gettext_noop("The station has not said that it can discharge cars."),
    gettext_noop("A 1.6 profile has one schedule."),
    gettext_noop("Several schedules are for one session's car only."),
    gettext_noop("External limits are reported by the station, never set by the CSMS."),
    gettext_noop("A limit of the whole station is set at EVSE 0."),
    gettext_noop("A TxProfile is for one EVSE, not for EVSE 0."),
    gettext_noop("A TxProfile names its transaction."),
    gettext_noop("It ends before it begins."),
    gettext_noop("It has ended already."),
    gettext_noop("A recurring profile says whether it recurs daily or weekly."),
    gettext_noop("Only a recurring profile recurs."),
    gettext_noop("The whole station has no start to count from."),
    gettext_noop("Dynamic profiles need OCPP 2.1."),
    gettext_noop("Only a dynamic profile is updated by messages."),
    gettext_noop("It begins with charging, not at an instant."),
    gettext_noop("Only profiles of sessions are delayed."),
    gettext_noop("Priority lasts until the session ends."),
    gettext_noop("It lasts no time at all."),
    gettext_noop("It lasts longer than the time after which it begins anew."),
    gettext_noop("The first period begins at 0."),
    gettext_noop("1 to 3 phases."),
    gettext_noop("Only a TxProfile names a transaction."),
    gettext_noop("The transaction has not begun yet."),
    gettext_noop("Periods begin one after the other."),
    gettext_noop("Direct current is not drawn from phases."),
    gettext_noop("A phase is named for one phase only."),
    gettext_noop("The station cannot choose the phase."),
    gettext_noop("A limit is 0 or more; discharging has fields of its own in OCPP 2.1."),
    gettext_noop("A period has a limit."),
    gettext_noop("Discharging needs OCPP 2.1."),
    gettext_noop("No transaction runs on this EVSE."),
    gettext_noop("Another transaction runs on this EVSE."),
    gettext_noop("The station's external limit has this id."),
    gettext_noop("This is no date-time."),
})  # fmt: skip
# With figures and names in them: each %(x)s is what a pattern finds in its place.
FORMS = (
    gettext_noop("Ids up to %(number)s are the station's own."),
    gettext_noop("A %(purpose)s is never of %(mode)s."),
    gettext_noop("The station cannot do %(mode)s."),
    gettext_noop("The car gives back %(power)s W at most."),
    gettext_noop("The station said no to %(variable)s."),
    gettext_noop("A period of %(mode)s has a %(name)s."),
    gettext_noop("A period of %(mode)s has no %(name)s."),
    gettext_noop("The set-point is beyond %(name)s."),
    gettext_noop("Profile %(profile)s at EVSE %(evse)s has this purpose and stack level."),
    gettext_noop("%(purpose)s needs OCPP 2.1."),
    gettext_noop("The station has no EVSE %(evse)s."),
    gettext_noop("The station knows stack levels up to %(level)s."),
    gettext_noop("The station holds %(count)s profiles at most."),
    gettext_noop("%(kind)s needs a start."),
    gettext_noop("The station takes %(units)s only."),
    gettext_noop("The station takes %(count)s periods a schedule."),
    gettext_noop("The station is fed with %(count)s phases."),
    gettext_noop("Load group %(group)s limits this EVSE; a %(purpose)s would stand above it."),
)


def rule_words(broken: RuleBroken) -> str:
    """`K01.FR.31: The first period begins at 0.` in the active language."""
    return f"{broken.rule}: {sentence_words(broken.message)}"


def sentence_words(sentence: str) -> str:
    """A sentence of the rules in the active language; one that is not known as it came."""
    return RULE_SENTENCES.words(sentence)


RULE_SENTENCES = Sentences([*SENTENCES, *FORMS])
