"""Types and objects that all versions of OCPI share; plain values, no Django."""
