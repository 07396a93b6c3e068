"""From samples to hypotheses: engines, and the workers that run them."""
