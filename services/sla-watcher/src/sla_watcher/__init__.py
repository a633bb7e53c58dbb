"""The sla-watcher service."""
