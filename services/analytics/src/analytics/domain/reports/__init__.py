"""The reports: each a pure function from figures, facts or events to a table."""
