"""File formats of embedding tables. A new one is one new file here and one name in the list."""

from collections.abc import Mapping
from typing import Literal

from hindcast_embedder.formats.base import Format
from hindcast_embedder.formats.fasttext_vec import FastTextVec
from hindcast_embedder.formats.glove import Glove
from hindcast_embedder.formats.safetensors_file import SafetensorsFile
from hindcast_embedder.formats.word2vec_binary import Word2VecBinary
from hindcast_embedder.formats.word2vec_text import Word2VecText

FormatName = Literal["word2vec-text", "word2vec-binary", "safetensors", "glove", "fasttext-vec"]

FORMATS: Mapping[FormatName, Format] = {
    "word2vec-text": Word2VecText(),
    "word2vec-binary": Word2VecBinary(),
    "safetensors": SafetensorsFile(),
    "glove": Glove(),
    "fasttext-vec": FastTextVec(),
}
"""THE LIST."""
