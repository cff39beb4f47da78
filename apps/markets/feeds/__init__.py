"""Market and weather sources: pure readers of what they publish (no network, no database)."""
