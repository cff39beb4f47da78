"""The simulated feeds: prices, generation, costs and weather over HTTP, offline.

`python -m apps.simulation.market` answers as ENTSO-E, Energy-Charts, EDF SEI, Open-Meteo and
Solcast do, with the synthetic days of two islands that look like Guadeloupe and Martinique.
"""
