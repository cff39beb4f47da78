"""Between 2.1.1 and the model inside (2.3.0).

On the way in (`mapping_up`), what 2.1.1 leaves unsaid comes from the Context:

- Whose an object is: `owner`; without it country code and party id are empty, and whoever knows
  the address fills them in.
- A token of a session or CDR is its contract alone (`auth_id`): `uid` is `#NA`, `type` OTHER; its
  provider is `emsp`, else what the contract id begins with, else the owner.
- Prices have no taxes said (`taxes` None), tariffs are without taxes (`tax_included` NO).
- A location is published, in `time_zone`; its type OTHER or UNKNOWN becomes no parking type.
- A session or CDR has the first EVSE and connector of its location (`#NA` when there is none).
- The dimension FLAT of a charging period is dropped: later versions do not have it.
- Credentials get the `role`; endpoints the interface role that goes with it, or both.
- An answer to a command has `timeout_s`; TIMEOUT at once is REJECTED. An authorization has `token`.

What 2.1.1 cannot say and so is lost on the way out (`mapping_down`), beside all that 2.2.1 loses:

- Location: country code, party id, publish, publish_allowed_to, state. An address is cut to 45
  characters, a missing postal code is empty; parking types that are unknown become OTHER.
- Connector: power in W, all tariffs but the first; two phases become AC_1_PHASE.
- Session, CDR: the token but for its contract; COMMAND becomes AUTH_REQUEST, RESERVATION becomes
  PENDING; dimensions that 2.1.1 lacks; tariff ids of periods; all costs but the total before taxes;
  signed data, invoice, home charging. A credit CDR says so in its remark. The location is the one
  of the Context, or what the object itself says of it, with 0 V and 0 A.
- Tariff: type, lowest and highest price, validity, VAT. Elements that are limited by current or by
  a reservation are left out; when none is left the tariff is refused.
- Token: group, energy contract, profile; APP_USER, AD_HOC_USER and EMAID become OTHER.
- Commands: connector, CANCEL_RESERVATION; a reservation id must be a number. Results become the
  nearest of five words.
"""

from apps.ocpi.v2_1_1.mapping_down import DOWN
from apps.ocpi.v2_1_1.mapping_up import FIELDS_UP, UP

__all__ = ["DOWN", "FIELDS_UP", "UP"]
