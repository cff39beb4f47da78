"""Writes of the island price: what is declared for it, and its computation."""
