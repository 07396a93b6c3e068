"""US English by the pocketsphinx wheel, which carries its model."""
