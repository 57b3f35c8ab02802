from made_text import checkpoint_after, finish, little_material, made_corpus, made_text, material

__all__ = ["checkpoint_after", "finish", "little_material", "made_corpus", "made_text", "material"]
