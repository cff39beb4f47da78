"""How machines and people log in at the API."""
