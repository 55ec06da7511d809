"""`python -m switchover.cli` is `switchover`, also where the script is not on PATH."""

from switchover.cli.main import main

if __name__ == "__main__":
    main()
