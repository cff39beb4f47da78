"""What stations say, from the wire to typed events (pure functions, one folder per version)."""
