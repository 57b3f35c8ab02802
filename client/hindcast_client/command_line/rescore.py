"""`hindcast rescore`: a recogniser's lists or lattices in, the same with new scores out."""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import typer

from hindcast_client.command_line import rescore_options as options
from hindcast_client.command_line import tuning
from hindcast_client.command_line.destinations import Destination, Folder, OneFile, StandardOutput, zipped
from hindcast_client.command_line.failures import failures_told, tell, wrong_usage
from hindcast_client.command_line.formats import ALL_IN_ONE, FORMATS, LATTICES, ONE_UTTERANCE, utterance_of
from hindcast_client.command_line.progress import Shown, shown
from hindcast_client.command_line.service import Service
from hindcast_client.command_line.sources import Source, source_of
from hindcast_client.command_line.tuning_search import Search, search_of

TUNING = (
    *("report", "convention", "before", "groups", "folds", "range", "interpolations", "restarts", "seed"),
    "report_json",
)
WARNING = "hindcast-warning"


def rescore(
    called: typer.Context,
    paths: options.Paths,
    model: options.Model,
    server: options.Server = "http://127.0.0.1:8000",
    format: options.FormatOption = None,
    output: options.Output = None,
    am_scale: options.AmScale = None,
    lm_weight: options.LmWeight = None,
    word_insertion_penalty: options.WordInsertionPenalty = None,
    ngram: options.Ngram = None,
    neural_weight: options.NeuralWeight = None,
    interpolation: options.Interpolation = None,
    old_ngram: options.OldNgram = None,
    old_lm_scale: options.OldLmScale = None,
    oov_penalty: options.OovPenalty = None,
    oov_spread: options.OovSpread = None,
    case: options.Case = None,
    brackets: options.Brackets = None,
    fillers: options.Fillers = None,
    fragments: options.Fragments = None,
    hyphens: options.Hyphens = None,
    context: options.Context = None,
    session: options.Session = None,
    sum: options.Sum = None,
    order: options.Order = None,
    tokens: options.Tokens = False,
    utterance: options.Utterance = None,
    answer: options.Answer = None,
    accept: options.Accept = None,
    n: options.N = None,
    recombination: options.Recombination = None,
    beam: options.Beam = None,
    states_per_node: options.StatesPerNode = None,
    graph_scale: options.GraphScale = None,
    tune: options.Tune = None,
    report: options.Report = None,
    convention: options.Convention = None,
    before: options.Before = None,
    groups: options.Groups = None,
    folds: options.Folds = None,
    range: options.Range = None,
    interpolations: options.Interpolations = None,
    restarts: options.Restarts = None,
    seed: options.Seed = None,
    report_json: options.ReportJson = None,
) -> None:
    """Score a recogniser's lists or lattices anew. They come back in the format that they were in.

    Examples:

    hindcast rescore lists.jsonl --model small > rescored.jsonl

    zcat lists.jsonl.gz | hindcast rescore - --model small --order sorted | head -1

    hindcast rescore lists.jsonl --model small --tune dev.jsonl --output rescored.jsonl

    hindcast rescore lists.jsonl --model small --tune dev.jsonl --groups '^sw[0-9]+' --range lm_weight=0:30

    hindcast rescore --format slf lattices/ --model small --output rescored/

    hindcast rescore lattices/*.slf --model small --answer best --accept text/plain > words.txt
    """
    with failures_told(), source_of(paths) as source:
        if not model:
            wrong_usage("--model must be the id or the name of a language model: it is empty.")
        query = options.query_of(called.params)
        form = _format(format, source)
        _check_answer(form, query, accept)
        same_format = answer in (None, "lattice")
        destination = _destination(output, source, archive=source.packed and same_format)
        if utterance is None and form in ONE_UTTERANCE and source.file is not None:
            query["utterance"] = utterance_of(source.file.name)
        service = Service(server)
        if tune is not None:
            search = search_of(called.params)
            query |= _tuned(service, model, query, tune, report, search, report_json)
        elif given := [name for name in TUNING if called.params[name] not in (None, (), [])]:
            wrong_usage(f"{options.option(given[0])} must come with --tune.")
        headers = {} if accept is None else {"accept": accept}
        by_line = form == "jsonl" or not same_format
        with shown() as progress, _sent(service, model, source, {"format": form, **query}, headers, progress) as told:
            lists = progress.lines_sent if form == "jsonl" and not source.gzipped else None
            pieces = progress.answering(told.iter_bytes(), lists=lists, by_line=by_line)
            if isinstance(destination, StandardOutput) and sys.stdout.isatty():
                progress.stop()
            destination.take(zipped(pieces) if source.gzipped and same_format else pieces)


def _format(named: str | None, source: Source) -> str:
    form = named or source.format
    if form is None:
        if source.empty:
            wrong_usage(f"{source.name} is empty: there must be lists or lattices.")
        wrong_usage(
            f"What {source.name} is written in isn't plain: name it with --format, one of {', '.join(FORMATS)}."
        )
    if source.packed and form in ALL_IN_ONE:
        wrong_usage(f"{form} is one file for all utterances: send {source.name} one by one.")
    return form


def _check_answer(form: str, query: Mapping[str, Any], accept: str | None) -> None:
    """Ends the command where an option asks for what doesn't come of this format."""
    if accept is not None and query.get("answer") != "best":
        wrong_usage("--accept must come with --answer best: words alone are what is best.")
    if form in LATTICES:
        return
    if of_lattices := next((name for name in options.OF_LATTICES if name in query), None):
        wrong_usage(f"{options.option(of_lattices)} is for lattices ({', '.join(LATTICES)}): {form} has lists.")
    if query.get("answer") in ("lattice", "best"):
        wrong_usage(f"--answer must be nbest, or not be there, not {query['answer']}: {form} has lists, not lattices.")


def _destination(output: Path | None, source: Source, *, archive: bool) -> Destination:
    if output is None:
        if archive and sys.stdout.isatty():
            wrong_usage("The answer is an archive, for several files were sent: name a folder for them with --output.")
        return StandardOutput()
    if not output.parent.is_dir():
        wrong_usage(f"--output must be in a folder that is there: {output.parent} isn't.")
    if archive:
        if output.exists() and not output.is_dir():
            wrong_usage(f"--output must be a folder, for several files were sent: {output} is there and is none.")
        return Folder(output)
    if output.is_dir():
        if source.file is None:
            wrong_usage(f"--output must be a file: {output} is a folder.")
        return OneFile(output / source.file.name)
    return OneFile(output)


def _tuned(
    service: Service,
    model: str,
    query: Mapping[str, Any],
    development: Path,
    report: Path | None,
    search: Search,
    report_json: Path | None,
) -> Mapping[str, float]:
    """The weights that lists with references give, and what they are worth told."""
    lists = tuning.read_lists(development)
    reported = None if report is None else tuning.read_lists(report)
    with shown() as progress:
        progress.waiting("tuning")
        found = tuning.tune(service, model, development=lists, report=reported, query=query, search=search)
    tuning.tell_of(found)
    if report_json is not None:
        report_json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return tuning.weights_of(found)


@contextmanager
def _sent(
    service: Service,
    model: str,
    source: Source,
    query: Mapping[str, Any],
    headers: Mapping[str, str],
    progress: Shown,
) -> Iterator[httpx2.Response]:
    def named(field: str) -> str:
        if field in (*options.PARAMETERS, "format", "model") or field.startswith("options."):
            return tuning.option_of(field)
        return source.name if field == "body" else f"{source.name}: {field}"

    body = progress.sending(source.pieces, source.bytes)
    # Unpacked by the service, whatever the format, and packed again here.
    encoding = {"content-encoding": "gzip"} if source.gzipped else {}
    place = ("models", model, "rescore")
    with service.asked(place, body, naming=named, query=query, headers={**headers, **encoding}) as answer:
        if WARNING in answer.headers:
            tell(f"Note: {options.as_typed(answer.headers[WARNING])}.")
        yield answer
