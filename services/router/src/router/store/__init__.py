"""The router's tables and the hot statements of a transaction; reads for the API are in store/lists.py."""
