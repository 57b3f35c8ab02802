"""`make asr-demo`: a real recogniser's lists and lattices, rescored over HTTP by a model of novels.

PocketSphinx decodes the recordings of a data folder, Hindcast trains a small model, joins it with PocketSphinx's own
trigrams and rescores; the word error rates before and after are printed as they are, beside those of each model alone.
What was decoded, asked or trained isn't done again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from hindcast.errors import InvalidInput
from hindcast.settings import Settings
from hindcast_standalone.demonstrations import asr_model
from hindcast_standalone.demonstrations.api_client import ApiClient
from hindcast_standalone.demonstrations.asr_audio import recordings
from hindcast_standalone.demonstrations.asr_decoding import Decoded, decode_all, pocketsphinx
from hindcast_standalone.demonstrations.asr_ngram_upload import arpa_file, uploaded
from hindcast_standalone.demonstrations.asr_report import report, terminal_table, write
from hindcast_standalone.demonstrations.asr_rescoring import lists_of, outcome, scorings
from hindcast_standalone.demonstrations.asr_trigrams import pocketsphinx_log10
from hindcast_standalone.demonstrations.server import running_server


@dataclass(frozen=True)
class Asked:
    """What the command was asked for."""

    data: Path
    """A folder with `asr/audio.tsv` and, unless a model is named, `novels`."""
    output: Path | None = None
    """Where lattices, trigrams and results are written; None: `asr-demo` under HINDCAST_HOME."""
    model: str | None = None
    """Id or name of one that is there; None: one is trained."""
    vocabulary: int = 10_000
    epochs: int = 3
    words: int | None = None
    """Of the novels, that the model learns; None: all."""


def run(settings: Settings, asked: Asked, *, command: str, console: Console) -> None:
    """Decode, train, ask for trigrams, rescore, count."""
    output = asked.output or settings.home_folder / "asr-demo"
    decoded = _decoded(asked.data / "asr", output / "decoded", console)
    with running_server(settings, console) as url:
        api = ApiClient(url, console)
        model = asked.model or asr_model.trained(
            api,
            asked.data / "novels",
            asr_model.request(vocabulary=asked.vocabulary, epochs=asked.epochs, words=asked.words),
        )
        card = api.get(f"/v1/models/{model}")
        say = _saying(console)
        trigrams = arpa_file(decoded, output / "decoded", card["pipeline"], pocketsphinx_log10, say)
        ways = scorings(uploaded(api, trigrams, say))
        say("Taking lists from lattices")
        lists = lists_of(api, model, decoded, ways[0])
        outcomes = []
        for way in ways:
            say(f"Rescoring: {way.name}")
            outcomes.append(outcome(api, model, decoded, lists, way))
    found = report(decoded, lists, outcomes)
    console.print(terminal_table(found.rows))
    for sentence in found.verdicts:
        console.print(sentence, highlight=False)
    page = write(output, found, model=card, command=command)
    console.print(f"Written to {page} and {page.with_suffix('.json')}")


def _decoded(folder: Path, kept: Path, console: Console) -> list[Decoded]:
    decoded = decode_all(recordings(folder), kept, pocketsphinx, _saying(console))
    for half in (0, 1):
        if not any(each.recording.half == half and each.lattice.is_file() for each in decoded):
            raise InvalidInput.field("DATA", f"{folder} has too few recordings: weights are tuned on half of them")
    return decoded


def _saying(console: Console) -> Callable[[str], None]:
    return lambda line: console.print(line, markup=False, highlight=False)
