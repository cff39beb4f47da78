"""Two ways to reach stations (our own sockets, or another CSMS), one port."""
