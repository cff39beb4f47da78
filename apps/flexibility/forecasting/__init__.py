"""What is expected, how good that was and whose word is used: pure rules, no clock, no database."""
