"""Smart charging as pure functions: profiles, composite schedules, their rules, sharing a cap.

Sources: OCPP 2.0.1 Part 2, block K and its section 3; OCPP 2.1 Part 2, K and Q for the fields of
2.1. Limits are in the schedule's own unit (W or A) as on the wire, charging positive.
"""
