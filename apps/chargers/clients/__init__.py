"""Typed access to systems that charging talks to (no ORM, no settings)."""
