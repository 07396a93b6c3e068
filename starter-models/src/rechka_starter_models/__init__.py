"""Models for trying Rechka; `rechka models list` shows them. This package holds no code."""
