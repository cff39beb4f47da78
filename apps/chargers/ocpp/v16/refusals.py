"""What 1.6 has no words for."""


class NotIn16(Exception):
    """A request that cannot be made of a 1.6 station; the text says why."""
