"""Other shapes of a server around the same engine, for `bench/peers.py`."""
