"""A simulated ENTSO-E Transparency Platform: day-ahead prices over HTTP.

`python -m apps.simulation.market` answers as the real one does, with synthetic prices.
"""
