"""Our own checks: run with `python -m tools.<name>`."""
