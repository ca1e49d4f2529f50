"""Programs that make the demo model again; see README.md."""
