"""Which models a server serves now."""
