"""Better transcripts from a recogniser's own guesses: lists and lattices in, the same with new scores out."""
