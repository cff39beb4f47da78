"""Roaming over HTTP, below /api/v1/roaming/."""
