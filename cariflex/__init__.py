"""Cariflex: the energy, charging and roaming platform for islands."""
