"""Where what the server keeps is kept."""
