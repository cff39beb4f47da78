"""Typed access to FlexMeasures (no ORM, no settings)."""
