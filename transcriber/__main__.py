"""`python -m transcriber`."""

from transcriber.cli.main import main

if __name__ == "__main__":
    main()
