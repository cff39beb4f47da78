"""Sites, devices, sensors and their readings; polling over Modbus; set-points."""
