"""What cars need, what they can still get, and how a plan becomes a charging profile. Pure."""
