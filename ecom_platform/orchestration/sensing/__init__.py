"""What sensors have in common: what they remember, when they ask for a run, and when an amount is an alarm."""
