"""The page at `/`: what a newcomer, a manager and an operator want to see at once, drawn on the server."""
