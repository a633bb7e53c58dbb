"""Who may do what, held against every route and every row."""
