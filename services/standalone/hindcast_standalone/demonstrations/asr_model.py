"""The language model of `make asr-demo`: small, of novels, and none of those that the recordings read from."""

from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from hindcast.errors import InvalidInput
from hindcast_standalone.demonstrations.api_client import ApiClient, failures, submitted, upload_once
from hindcast_standalone.demonstrations.table1_requests import named
from hindcast_standalone.demonstrations.table1_texts import PIPELINE, Document, SourceText, documents

CORPUS = "asr-demo-novels"
LEARNED = ("train", "valid")
"""The novel of some recordings is in the test split: a model that had learned it would know what is said."""
VALID_TOKENS = 50_000


def texts(folder: Path) -> SourceText:
    """The novels to learn. InvalidInput where the folder has none."""
    found: Sequence[Document] = list(chain(*(documents(folder, split, split) for split in LEARNED)))
    for split in LEARNED:
        if not any(document.split == split for document in found):
            raise InvalidInput.field("DATA", f"{folder} has no {split} documents (documents.{split}.jsonl.gz)")
    return SourceText("novels", found)


def request(*, vocabulary: int, epochs: int, words: int | None) -> dict[str, Any]:
    """The job that trains it, under a name that follows from it. `words` limits how many are learned."""
    train: dict[str, Any] = {"corpus": CORPUS, "split": "train"}
    spec = {
        "kind": "language_model",
        "train": train | ({"limit_tokens": words} if words else {}),
        "valid": {"corpus": CORPUS, "split": "valid", "limit_tokens": VALID_TOKENS},
        "vocabulary": {"size": vocabulary},
        "history": "sentence",
        "input": {"type": "learned", "size": 128},
        "hidden_size": 200,
        "objective": {"type": "sampled_softmax"},
        "optimizer": {"batch_size": 32, "epochs": epochs},
    }
    return named("asr-demo", spec)


def trained(api: ApiClient, folder: Path, job: Mapping[str, Any]) -> str:
    """The model's id, once the job is through; an earlier run's is found again. InvalidInput, also where the job
    failed."""
    upload_once(api, texts(folder).body(), name=CORPUS, pipeline=PIPELINE)
    found = submitted(api, "/v1/jobs", job)
    api.wait({found["id"]: "the language model of novels"})
    ended = api.get(f"/v1/jobs/{found['id']}")
    if complaints := failures([ended]):
        raise InvalidInput(" ".join(complaints))
    model: str = ended["result"]["id"]
    return model
