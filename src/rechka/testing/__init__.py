"""For tests of Rechka and of programs that use it."""
