"""Networks: embedding tables, bidirectional LSTMs, exact losses and how to fit them. Knows torch, knows no jobs."""
