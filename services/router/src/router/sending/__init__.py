"""What goes out: webhooks and e-mails, sent outside of every transaction."""
