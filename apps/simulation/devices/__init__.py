"""Simulated PV inverters and batteries that speak SunSpec over Modbus TCP.

`python -m apps.simulation.devices` serves the 20 devices of both islands, one port each.
"""
