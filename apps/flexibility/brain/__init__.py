"""Our own model of storages, the own rule and the best that was possible: pure functions."""
