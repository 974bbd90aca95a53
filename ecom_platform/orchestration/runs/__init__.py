"""What runs have in common: the days they are for, the pool they share, how they end and how they are buried."""
