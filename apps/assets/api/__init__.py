"""Assets over HTTP: sites, devices, sensors, readings, set-points, alarms."""
