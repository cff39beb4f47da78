"""How devices are read and written. Nothing here knows the database or Django."""
