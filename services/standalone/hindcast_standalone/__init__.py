"""Standalone: all of Hindcast with one command, with a real PostgreSQL and a real Redis."""
