"""The fourteen days that a newcomer sees: played through the real doors, on a clock that hurries."""
