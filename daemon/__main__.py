"""`python -m daemon` is `segue`."""

from daemon.cli import main

main()
