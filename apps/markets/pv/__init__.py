"""Photovoltaic production: plants, forecast cells, the physical model and what replaces a feed."""
