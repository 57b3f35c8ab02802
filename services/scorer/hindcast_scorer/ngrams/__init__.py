"""N-gram models: their files, and the scores that KenLM finds in them."""
