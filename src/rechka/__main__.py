"""`python -m rechka` is `rechka`."""

from rechka.cli import main

if __name__ == "__main__":
    main()
