"""Trainer: text, pre-training, language models and experiments as queued jobs."""
