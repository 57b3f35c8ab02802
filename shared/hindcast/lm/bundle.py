"""A trained language model as one self-contained folder, or one file: network, vocabulary, pipeline, weights, card."""

import errno
import filecmp
import hashlib
import json
import shutil
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from hindcast.errors import Corrupt, InvalidInput
from hindcast.lm import AnySpecification
from hindcast.lm.base import History, LanguageModel
from hindcast.text.pipeline import PipelineName
from hindcast.text.vocabulary import Vocabulary

FORMAT = 1
FILES = ("bundle.json", "vocabulary.json", "weights.safetensors")
CHECKSUMS = "SHA256SUMS"
"""Of the three others, as `sha256sum --check` reads them."""


@dataclass(frozen=True)
class Bundle:
    """Everything that is needed to score text."""

    specification: AnySpecification
    model: LanguageModel
    vocabulary: Vocabulary
    pipeline: PipelineName
    """What raw text goes through, as in training."""
    history: History
    """Where the state was reset in training."""
    card: Mapping[str, Any]
    """What people should know of it, as JSON: specification, data, lineage, metrics, what its table lacked."""

    def facts(self) -> Mapping[str, Any]:
        """What readers of a registered model are told, as JSON: the card and what the bundle itself shows."""
        return {
            **self.card,
            "network": self.specification.model_dump(mode="json"),
            "vocabulary": {"size": len(self.vocabulary), "sha256": self.vocabulary.sha256},
            "pipeline": self.pipeline,
            "history": self.history,
            "parameters": sum(tensor.numel() for tensor in self.model.tensors().values()),
        }

    def save(self, folder: Path) -> None:
        """Write the bundle into an existing empty folder."""
        facts = {
            "format": FORMAT,
            "network": self.specification.model_dump(mode="json"),
            "pipeline": self.pipeline,
            "history": self.history,
            "card": dict(self.card),
        }
        (folder / "bundle.json").write_text(json.dumps(facts, ensure_ascii=False, indent=1), encoding="utf-8")
        (folder / "vocabulary.json").write_text(
            json.dumps(self.vocabulary.to_json(), ensure_ascii=False), encoding="utf-8"
        )
        save_file(dict(self.model.tensors()), folder / "weights.safetensors")
        sums = [f"{_sha256(folder / name)}  {name}\n" for name in FILES]
        (folder / CHECKSUMS).write_text("".join(sums), encoding="utf-8")

    @classmethod
    def open(cls, folder: Path) -> "Bundle":
        """Read a saved bundle, ready for scoring. Corrupt, naming the file, if it isn't what was written."""
        _verify(folder)
        facts = _read_facts(folder)
        specification = facts.network
        vocabulary = read_vocabulary(folder)
        if len(vocabulary) != specification.vocabulary_size:
            raise Corrupt(
                f"vocabulary.json: {len(vocabulary)} words, but the network has outputs for "
                f"{specification.vocabulary_size}"
            )
        model = _restored(specification, folder)
        return cls(specification, model, vocabulary, facts.pipeline, facts.history, facts.card)


class _Facts(BaseModel):
    """What bundle.json says."""

    network: AnySpecification
    pipeline: PipelineName
    history: History
    card: dict[str, Any]


def _read_facts(folder: Path) -> _Facts:
    try:
        written = json.loads((folder / "bundle.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise Corrupt(f"bundle.json can't be read: {error}") from error
    if not isinstance(written, dict):
        raise Corrupt("bundle.json must be an object")
    if written.get("format") != FORMAT:
        raise Corrupt(f"bundle.json: format {written.get('format')} is not {FORMAT}, which this version reads")
    try:
        return _Facts.model_validate(written)
    except ValidationError as error:
        first = error.errors()[0]
        raise Corrupt(f"bundle.json: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error


def read_vocabulary(folder: Path) -> Vocabulary:
    """The vocabulary of a saved bundle, without its network. Corrupt."""
    _verify(folder, ["vocabulary.json"])
    try:
        vocabulary = Vocabulary.from_json(json.loads((folder / "vocabulary.json").read_text(encoding="utf-8")))
        "".join(vocabulary.words).encode()  # JSON can hold halves of characters, which nothing can write again
    except (OSError, ValueError, RecursionError, InvalidInput) as error:
        raise Corrupt(f"vocabulary.json can't be read: {error}") from error
    return vocabulary


def _restored(specification: AnySpecification, folder: Path) -> LanguageModel:
    try:
        tensors = load_file(folder / "weights.safetensors")
        model = specification.restore(tensors)
    except (OSError, ValueError, SafetensorError) as error:
        raise Corrupt(f"weights.safetensors does not fit the network: {error}") from error
    for name, tensor in tensors.items():
        if not bool(torch.isfinite(tensor).all()):
            raise Corrupt(f"weights.safetensors: {name} has values that are no numbers")
    model.prepare_for_scoring()
    return model


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _verify(folder: Path, names: Sequence[str] = FILES) -> None:
    try:
        lines = (folder / CHECKSUMS).read_text(encoding="utf-8").splitlines()
        expected = {name: digest for digest, name in (line.split("  ", 1) for line in lines)}
    except (OSError, ValueError) as error:
        raise Corrupt(f"{CHECKSUMS} is missing or not a list of checksums") from error
    for name in names:
        if not (folder / name).is_file():
            raise Corrupt(f"{name} is missing")
        if _sha256(folder / name) != expected.get(name):
            raise Corrupt(f"{name} is not what was written: its checksum differs from the one in {CHECKSUMS}")


_EPOCH = (1980, 1, 1, 0, 0, 0)


def pack(folder: Path, file: Path) -> None:
    """Write a saved bundle as one file: a zip archive, stored without compression, the same bytes every time."""
    with zipfile.ZipFile(file, "x", zipfile.ZIP_STORED) as archive:
        for name in (*FILES, CHECKSUMS):
            with (
                (folder / name).open("rb") as source,
                archive.open(zipfile.ZipInfo(name, _EPOCH), "w", force_zip64=True) as stored,
            ):
                shutil.copyfileobj(source, stored, 1 << 20)


def unpack(file: Path, folder: Path) -> Bundle:
    """Read a packed bundle into an existing empty folder and open it. InvalidInput if it is not one; Corrupt."""
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            if sorted(entry.filename for entry in entries) != sorted((*FILES, CHECKSUMS)):
                raise InvalidInput(f"This is not a model bundle: it must hold {', '.join((*FILES, CHECKSUMS))}.")
            if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
                raise InvalidInput("This is not a model bundle: its files must be stored, not compressed.")
            for entry in entries:
                _extract(archive, entry, folder / entry.filename)
    except _DAMAGED as error:
        cut = _begins_as_zip(file) and not zipfile.is_zipfile(file)
        raise InvalidInput(f"This is not a model bundle: {'it ends too early' if cut else error}") from error
    bundle = Bundle.open(folder)
    _check_archive(file, folder)
    return bundle


def _check_archive(file: Path, folder: Path) -> None:
    """Checksums cover the files; what lies between them in the archive must be as `pack` writes it, too."""
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        again = Path(scratch) / "again.zip"
        pack(folder, again)
        if not filecmp.cmp(file, again, shallow=False):
            raise Corrupt(
                "The archive around the bundle's files is not as Hindcast writes it: send it as it was downloaded."
            )


_DAMAGED = (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError)
"""What zipfile raises about headers that make no sense: versions and encryption that it doesn't know among them."""


def _extract(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path) -> None:
    try:
        with archive.open(entry) as source, target.open("wb") as stored:
            shutil.copyfileobj(source, stored, 1 << 20)
    except _DAMAGED as error:
        raise Corrupt(f"{entry.filename} is not what was written: {str(error) or 'it ends too early'}") from error
    except OSError as error:
        if error.errno != errno.EINVAL:  # the archive says that the entry is before its beginning
            raise
        raise Corrupt(f"{entry.filename} is not what was written: it is not where it should be") from error


def _begins_as_zip(file: Path) -> bool:
    with file.open("rb") as stream:
        return stream.read(4) == b"PK\3\4"
