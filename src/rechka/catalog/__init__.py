"""Models: which there are on this machine and elsewhere, and how they come here."""
