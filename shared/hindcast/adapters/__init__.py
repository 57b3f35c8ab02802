"""Where Hindcast meets PostgreSQL, Redis and file stores. Their errors end here."""
