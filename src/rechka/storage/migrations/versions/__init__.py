"""One module a migration; each leads from the one before it to the next."""
