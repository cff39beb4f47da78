"""OCPP 2.1: what cars want, DER controls, periodic event streams, in our units and signs."""
