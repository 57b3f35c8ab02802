"""The n-gram model that neural ones are held against: KenLM's `lmplz` makes it of the same text."""

import subprocess
from pathlib import Path

from hindcast.errors import InvalidInput
from hindcast.text.pipeline import pipeline
from hindcast_standalone.demonstrations.api_client import ApiClient
from hindcast_standalone.demonstrations.table1_texts import PIPELINE, SourceText

NAME = "switchboard-trigrams"
ORDER = 3


def uploaded_ngram(api: ApiClient, lmplz: Path, text: SourceText, folder: Path) -> str:
    """Its name: of the train text's sentences, with modified Kneser-Ney smoothing. InvalidInput where lmplz fails."""
    if api.find("/v1/ngrams", NAME) is None:
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{NAME}.arpa"
        _make(lmplz, _sentences(text), file)
        api.send("/v1/ngrams", file.read_bytes(), {"name": NAME})
    return NAME


def _sentences(text: SourceText) -> str:
    """As the language models read them, one a line."""
    reading = pipeline(PIPELINE)
    return "".join(
        " ".join(sentence) + "\n"
        for document in text.documents
        if document.split == "train"
        for paragraph in document.paragraphs
        for sentence in reading.document(paragraph)
    )


def _make(lmplz: Path, sentences: str, file: Path) -> None:
    command = [str(lmplz), "-o", str(ORDER), "-S", "1G", "--arpa", str(file)]
    try:
        made = subprocess.run(command, input=sentences.encode(), capture_output=True)
    except OSError as error:
        raise InvalidInput.field("LMPLZ", f"{lmplz} can't be run: {error.strerror or error}") from error
    if made.returncode:
        last = made.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise InvalidInput.field("LMPLZ", f"{lmplz} failed: {' '.join(last)}")
