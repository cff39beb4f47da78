"""The demo island: devices, stations, cars and a market platform, met over sockets alone.

Plain Python without Django. It stands beside the house: it imports no app, and no app imports it
(the demo seed alone reads `apps.simulation.island`).
"""
