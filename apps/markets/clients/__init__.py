"""Typed access to price sources (no ORM, no settings)."""
