"""PV plants and the forecast of their production."""
