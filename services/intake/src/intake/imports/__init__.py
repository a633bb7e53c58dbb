"""Files that are read row by row: what they are, what stands in them, how they are kept until they are read."""
