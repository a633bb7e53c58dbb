"""Intake's rules: bytes to bodies, bodies to submissions, proof, policies. Nothing here does I/O or asks the time."""
