"""One module or folder an engine; only the registry imports them."""
