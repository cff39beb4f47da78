"""Every write to plans, control states and the FlexMeasures account."""
