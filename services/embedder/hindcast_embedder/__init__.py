"""Embedder: hosts embedding tables."""
