"""`make asr-demo`: a real recogniser's lists and lattices, rescored over HTTP by a model of novels.

PocketSphinx decodes the recordings of a data folder, Hindcast trains a small model and rescores; the word error rates
before and after are printed as they are. What was decoded or trained isn't done again.
"""

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from hindcast.errors import InvalidInput
from hindcast.settings import Settings
from hindcast_standalone.demonstrations import asr_model
from hindcast_standalone.demonstrations.api_client import ApiClient
from hindcast_standalone.demonstrations.asr_audio import recordings
from hindcast_standalone.demonstrations.asr_decoding import Decoded, decode_all, pocketsphinx
from hindcast_standalone.demonstrations.asr_report import rows, terminal_table, texts, verdicts, write
from hindcast_standalone.demonstrations.asr_rescoring import lists_of, rescored, tuned
from hindcast_standalone.demonstrations.server import running_server

ANSWER_SECONDS = 900.0
"""All lattices of a set of recordings are read before the first is answered, and weights are searched for at length."""


@dataclass(frozen=True)
class Asked:
    """What the command was asked for."""

    data: Path
    """A folder with `asr/audio.tsv` and, unless a model is named, `novels`."""
    output: Path | None = None
    """Where lattices and results are written; None: `asr-demo` under HINDCAST_HOME."""
    model: str | None = None
    """Id or name of one that is there; None: one is trained."""
    vocabulary: int = 10_000
    epochs: int = 3
    words: int | None = None
    """Of the novels, that the model learns; None: all."""


def run(settings: Settings, asked: Asked, *, command: str, console: Console) -> None:
    """Decode, train, rescore, count."""
    output = asked.output or settings.home_folder / "asr-demo"
    decoded = _decoded(asked.data / "asr", output / "decoded", console)
    with running_server(settings, console) as url:
        api = ApiClient(url, console, answer_seconds=ANSWER_SECONDS)
        model = asked.model or asr_model.trained(
            api,
            asked.data / "novels",
            asr_model.request(vocabulary=asked.vocabulary, epochs=asked.epochs, words=asked.words),
        )
        card = api.get(f"/v1/models/{model}")
        console.print("Rescoring")
        lists = lists_of(api, model, decoded)
        weights = tuned(api, model, decoded, lists)
        found = rescored(api, model, decoded, lists, {half: _weights(answer) for half, answer in weights.items()})
    table = rows(decoded, lists, found)
    console.print(terminal_table(table))
    for sentence in verdicts(weights):
        console.print(sentence, highlight=False)
    page = write(output, table, weights, model=card, command=command, texts=texts(decoded, found))
    console.print(f"Written to {page} and {page.with_suffix('.json')}")


def _decoded(folder: Path, kept: Path, console: Console) -> list[Decoded]:
    def say(line: str) -> None:
        console.print(line, markup=False, highlight=False)

    decoded = decode_all(recordings(folder), kept, pocketsphinx, say)
    for half in (0, 1):
        if not any(each.recording.half == half and each.lattice.is_file() for each in decoded):
            raise InvalidInput.field("DATA", f"{folder} has too few recordings: weights are tuned on half of them")
    return decoded


def _weights(answer: dict[str, dict[str, float]]) -> dict[str, float]:
    return {name: answer["weights"][name] for name in ("am_scale", "lm_weight", "word_insertion_penalty")}
