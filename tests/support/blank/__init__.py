"""A package without tables of its own."""
