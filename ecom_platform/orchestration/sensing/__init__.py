"""Old paths of modules that moved, for the archive until it follows."""
