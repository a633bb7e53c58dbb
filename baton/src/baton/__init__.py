"""The command and the embedded runner: the one place that may import services."""
