"""The n-gram model that neural ones are held against: KenLM's `lmplz` makes it of the same text."""

import subprocess
from pathlib import Path

from hindcast.errors import InvalidInput
from hindcast.text.pipeline import pipeline
from hindcast_standalone.demonstrations.api_client import ApiClient
from hindcast_standalone.demonstrations.rescoring import named_by
from hindcast_standalone.demonstrations.table1_texts import PIPELINE, SourceText

ORDER = 3


def uploaded_ngram(api: ApiClient, lmplz: Path, text: SourceText, folder: Path) -> str:
    """Its name, which follows from the train text's sentences: they make it, with modified Kneser-Ney smoothing.
    InvalidInput where lmplz fails."""
    sentences = _sentences(text)
    name = named_by("switchboard-trigrams", sentences)
    if api.find("/v1/ngrams", name) is None:
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{name}.arpa"
        _make(lmplz, sentences, file)
        api.send("/v1/ngrams", file.read_bytes(), {"name": name})
    return name


def _sentences(text: SourceText) -> bytes:
    """As the language models read them, one a line."""
    reading = pipeline(PIPELINE)
    lines = (
        " ".join(sentence) + "\n"
        for document in text.documents
        if document.split == "train"
        for paragraph in document.paragraphs
        for sentence in reading.document(paragraph)
    )
    return "".join(lines).encode()


def _make(lmplz: Path, sentences: bytes, file: Path) -> None:
    command = [str(lmplz), "-o", str(ORDER), "-S", "1G", "--arpa", str(file)]
    try:
        made = subprocess.run(command, input=sentences, capture_output=True)
    except OSError as error:
        raise InvalidInput.field("LMPLZ", f"{lmplz} can't be run: {error.strerror or error}") from error
    if made.returncode:
        last = made.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise InvalidInput.field("LMPLZ", f"{lmplz} failed: {' '.join(last)}")
