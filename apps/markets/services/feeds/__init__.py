"""Asking feeds: one engine, one adapter a feed."""
