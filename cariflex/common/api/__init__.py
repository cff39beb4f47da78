"""What every API of the house has in common: errors, permissions, parameters, keyset pages."""
