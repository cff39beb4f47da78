"""What is wrong with a message of a partner."""


class WireError(ValueError):
    """A message that a rule of OCPI refuses.

    `field` is the dotted path, such as `evses[0].uid`; empty when it is about the whole message.
    `rule` says what was wanted. `is_malformed`: the text is not JSON at all (HTTP 400);
    `is_missing`: something required is not there (status 2002); else it is invalid (2001).
    """

    def __init__(
        self, field: str, rule: str, *, is_missing: bool = False, is_malformed: bool = False
    ) -> None:
        super().__init__(f"{field}: {rule}" if field else rule)
        self.field = field
        self.rule = rule
        self.is_missing = is_missing
        self.is_malformed = is_malformed
