"""Charging over HTTP: stations, sessions, orders to stations and bulk orders."""
