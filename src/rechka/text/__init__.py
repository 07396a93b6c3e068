"""From the engine's words to written text."""
