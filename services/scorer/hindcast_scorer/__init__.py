"""Scorer: perplexity, next words and exact word ranks of trained language models."""
