"""What watches the platform and acts, or only reports."""
