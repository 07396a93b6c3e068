"""One conversation: what may come when, where utterances end, what is answered."""
