"""Our own figures, taken the same way as the ceilings'."""
