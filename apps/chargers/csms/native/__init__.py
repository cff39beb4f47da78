"""Our own CSMS: stations connect to /ocpp/<operator>/<station> and are served here."""
