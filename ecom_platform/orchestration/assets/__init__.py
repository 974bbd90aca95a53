"""The tables of the platform as assets."""
