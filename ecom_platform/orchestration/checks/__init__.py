"""What must hold, as asset checks."""
