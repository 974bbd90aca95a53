"""The daily KPIs: computed again for the days that changed, and held against the live rollups."""
