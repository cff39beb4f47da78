"""Rules that more than one field has a say in."""

from typing import Any

from apps.ocpi.objects.errors import WireError
from apps.ocpi.v2_2_1.schemas import Cdr as Cdr221
from apps.ocpi.v2_3_0.schemas import Cdr as Cdr230

_LONGEST_PLAIN_ID = 36


def check(struct: Any) -> None:
    """Raise WireError for a CDR that breaks 2.2.1 §10.3.1.

    A credit CDR names the CDR that it takes back; only its id may have more than 36 characters.
    """
    if not isinstance(struct, Cdr221 | Cdr230):
        return
    if not struct.credit and len(struct.id) > _LONGEST_PLAIN_ID:
        raise WireError("id", "at most 36 characters but for a credit CDR")
    if struct.credit and struct.credit_reference_id is None:
        raise WireError("credit_reference_id", "required of a credit CDR", is_missing=True)
