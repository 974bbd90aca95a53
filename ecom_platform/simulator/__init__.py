"""The seeded shop: what happens in it is a pure function of seed, configuration and simulated time."""
