"""Streaming recognition by models with a CTC output: ours from the samples to the words."""
