"""What screens show of Dagster: its last runs, and the last verdict of every check."""
