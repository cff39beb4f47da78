"""Simulated OCPP 2.0.1 charging stations and the cars that visit them.

`python -m apps.simulation.stations` connects the 10 stations of both islands.
"""
