"""FlexMeasures plugin: one call that makes an operator's account and its service user.

The server's own API cannot give a user a password and asks the DNS about the e-mail's domain, and
its command line costs an import of several seconds per call. Loaded by FLEXMEASURES_PLUGINS.
"""

import hmac

from flask import Blueprint, current_app, jsonify, request
from flask_security.utils import hash_password, verify_password
from flexmeasures.api.common.rate_limiting import limiter
from flexmeasures.data import db
from flexmeasures.data.models.user import Account, Plan, User
from flexmeasures.data.services.users import InvalidFlexMeasuresUser, create_user
from sqlalchemy import select, text

__version__ = "1.0.0"
__settings__ = {
    "CARIFLEX_PROVISION_TOKEN": {
        "description": "Shared secret of POST /cariflex/accounts.",
        "level": "error",
    }
}

PLAN = "Cariflex operator"
ROLE = "account-admin"
FIELDS = {"name": 100, "email": 255, "username": 255, "password": 255}
"""Wanted fields with the greatest length that the database takes."""
LOCK_KEY = 7_223_001
"""Advisory lock: one account is made at a time."""

cariflex = Blueprint("cariflex", __name__, url_prefix="/cariflex")


@cariflex.post("/accounts")
@limiter.exempt
def accounts_provision():
    """Make the account and its user, or bring them up to date. Safe to repeat and to run twice."""
    expected = current_app.config.get("CARIFLEX_PROVISION_TOKEN") or ""
    given = request.headers.get("X-Cariflex-Token", "")
    if not expected or not hmac.compare_digest(given.encode(), expected.encode()):
        return jsonify({"error": "the token is missing or wrong"}), 403
    wanted = request.get_json(silent=True)
    problem = _problem(wanted)
    if problem:
        return jsonify({"error": problem}), 422
    try:
        account, created = _provision(**{field: wanted[field].strip() for field in FIELDS})
    except InvalidFlexMeasuresUser as err:
        db.session.rollback()
        return jsonify({"error": str(err)}), 422
    return jsonify({"account_id": account.id, "created": created})


def _problem(wanted):
    if not isinstance(wanted, dict):
        return "a JSON object is wanted"
    for field, longest in FIELDS.items():
        value = wanted.get(field)
        if not isinstance(value, str) or not value.strip() or len(value) > longest:
            return f"{field}: 1 to {longest} characters are wanted"
    return ""


def _provision(*, name, email, username, password):
    db.session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK_KEY})
    account = db.session.scalar(select(Account).filter_by(name=name))
    created = account is None
    if account is None:
        account = Account(name=name)
        db.session.add(account)
    account.plan = _unlimited_plan()
    db.session.flush()
    user = db.session.scalar(select(User).filter_by(email=email))
    if user is None:
        create_user(
            password=password,
            email=email,
            username=username,
            user_roles=ROLE,
            account_name=name,
            check_email_deliverability=False,
        )
    elif user.account_id != account.id:
        raise InvalidFlexMeasuresUser(f"the user {email} belongs to another account")
    elif not verify_password(password, user.password):
        user.password = hash_password(password)
    db.session.commit()
    return account, created


def _unlimited_plan():
    plan = db.session.scalar(select(Plan).filter_by(name=PLAN))
    if plan is None:
        plan = Plan(name=PLAN)
        db.session.add(plan)
    plan.default_rate_limit = plan.trigger_rate_limit = "unlimited"
    return plan
