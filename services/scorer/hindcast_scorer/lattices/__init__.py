"""Word lattices: their type, their formats, and their composition with a language model. Pure."""
