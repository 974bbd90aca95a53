"""One answer over hot and cold orders, at one instant of the cluster."""
