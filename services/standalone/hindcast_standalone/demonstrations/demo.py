"""`make demo`: the paper's question, answered on real text over HTTP in a few minutes.

Text is uploaded, its domains are found, embeddings are pre-trained in each of the paper's ways, a language model is
trained on each, and their perplexities and word ranks stand beside a baseline's.
"""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from hindcast.settings import Settings
from hindcast_standalone.demonstrations.api_client import ApiClient, retry_upload, submitted
from hindcast_standalone.demonstrations.probes import Probe, choose_probes
from hindcast_standalone.demonstrations.server import running_server
from hindcast_standalone.demonstrations.texts import Document, as_json_lines, digest, from_file, wikipedia

LM_TOKENS = 100_000
"""How much of the train text the language models see. The tables are pre-trained on more, as in the paper."""
LM_WORDS = 80_000
"""Words, without punctuation, that so many tokens hold at least."""
HELD_OUT_TOKENS = 20_000
PROBES = 3
DOMAINS = 6
ROLES = {
    "language_model": "language model",
    "probe": "ranks",
    "topical_probe": "topical words",
}
EXPERIMENT_VERSION = 1
"""Part of the experiment's name: rises when the rows below change, so that a second run never shows an old answer."""


def run(settings: Settings, *, text: Path | None, console: Console) -> None:
    """Upload, train, compare, and say what one could type next."""
    begun = time.monotonic()
    console.rule("Hindcast: do pre-trained embeddings help a small language model?", align="left")
    documents = from_file(text) if text else wikipedia()
    body = as_json_lines(documents)
    name = f"demo-{digest(body)}" if text else "demo"
    source = str(text) if text else "the English Wikipedia extract inside gensim's wheel"
    console.print(f"Text: {source}, {len(documents)} documents")
    with running_server(settings, console, side_by_side=True) as url:
        api = ApiClient(url, console)
        corpus = _uploaded(api, name, body)
        domains = _domains(api, name)
        experiment = _experiment(api, name, documents)
        jobs = {corpus["job"]: "corpus", domains["id"]: "domains", **labelled_jobs(api, experiment)}
        api.wait(jobs)
        answer = api.get(f"/v1/experiments/{experiment['id']}")
        console.print(perplexity_table(answer))
        _print_ranks(answer, console)
        minutes = (time.monotonic() - begun) / 60
        console.print(f"\nDone in {minutes:.1f} minutes. What one would type next:\n")
        _print_next(answer, url, console)


def _uploaded(api: ApiClient, name: str, body: bytes) -> Any:
    found = api.find("/v1/corpora", name)
    if found:
        api.console.print(f"Reusing corpus {name}")
        retry_upload(api, found)
        return found
    return api.upload(body, name=name, format="jsonl", pipeline="plain")


def _domains(api: ApiClient, name: str) -> Any:
    spec = {"kind": "domains", "name": name, "corpus": _part(name, "train"), "unit": "paragraph", "k": DOMAINS}
    return submitted(api, "/v1/jobs", spec)


def _part(name: str, split: str, limit: int | None = None) -> dict[str, Any]:
    return {"corpus": name, "split": split} | ({"limit_tokens": limit} if limit else {})


def _experiment(api: ApiClient, name: str, documents: list[Document]) -> Any:
    named = f"{name}-{EXPERIMENT_VERSION}"
    probes = choose_probes(documents, limit=PROBES, read_words=LM_WORDS)
    return submitted(api, "/v1/experiments", experiment(named, name, probes))


def experiment(name: str, corpus: str, probes: list[Probe]) -> dict[str, Any]:
    """The experiment as it is posted: five rows, each with the paper's best normalisation and compression."""
    language_model_text = _part(corpus, "train", LM_TOKENS)
    everything = _part(corpus, "train")
    vocabulary = {"size": 10_000}
    domain_input = {"normalization": "mean_variance", "compression": 128}
    return {
        "name": name,
        "lm": {
            "train": language_model_text,
            "valid": _part(corpus, "valid", HELD_OUT_TOKENS),
            "test": _part(corpus, "test", HELD_OUT_TOKENS),
            "vocabulary": {"min_count": 2},
            "optimizer": {"learning_rate": 2e-3, "batch_size": 8, "epochs": 5, "patience": 1},
            "dropout": 0.2,
        },
        "rows": [
            {"label": "no pre-training", "pretrain": None, "input": {"type": "learned", "size": 256}},
            {
                "label": "word2vec",
                "pretrain": {"kind": "word2vec", "corpus": everything, "vocabulary": vocabulary},
                "input": {"normalization": "unit", "compression": None},
            },
            {
                "label": "bi-LSTM language model",
                "pretrain": {
                    "kind": "bilstm_lm",
                    "corpus": language_model_text,
                    "vocabulary": {"min_count": 2},
                    "epochs": 3,
                },
                "input": domain_input,
            },
            {
                "label": "domains of paragraphs",
                "pretrain": _domain_classifier(corpus, unit="paragraph"),
                "input": domain_input,
            },
            {
                "label": "domains of sentences",
                "pretrain": _domain_classifier(corpus, unit="sentence"),
                "input": domain_input,
            },
        ],
        "seeds": [1],
        "probes": [{"context": probe.context, "target": probe.target} for probe in probes],
    }


def _domain_classifier(corpus: str, *, unit: str) -> dict[str, Any]:
    return {
        "kind": "bilstm_domain",
        "corpus": _part(corpus, "train"),
        "unit": unit,
        "domains": corpus,
        "vocabulary": {"size": 10_000},
        "epochs": 2,
    }


def labelled_jobs(api: ApiClient, experiment: Mapping[str, Any]) -> dict[str, str]:
    """Ids of the experiment's jobs, each with what a person would call it."""
    labels: dict[str, str] = {}
    for row in experiment["rows"]:
        for id in row["jobs"]:
            labels.setdefault(id, f"{row['label']}: {_role(api.get(f'/v1/jobs/{id}'))}")
    return labels


def _role(job: Mapping[str, Any]) -> str:
    if job["kind"] == "comparison":
        return "change to the baseline" if job["spec"]["baseline"] else "interval"
    return ROLES.get(job["kind"], "embeddings")


def perplexity_table(answer: Mapping[str, Any]) -> Table:
    """The experiment as the paper prints its Table 1."""
    table = Table(title="Perplexity of the test text", title_justify="left")
    for column in ("Pre-trained embeddings", "Dataset", "Unit", "Objective"):
        table.add_column(column)
    for column in ("PPL", "Change"):
        table.add_column(column, justify="right")
    for row in answer["rows"]:
        pretraining = row["pretraining"] or {}
        cells = [row["label"], *(str(pretraining.get(key) or "/") for key in ("dataset", "unit", "objective"))]
        if row["perplexity"] and row["perplexity"]["mean"] is not None:
            change = (row["relative_to_baseline"] or {}).get("change")
            cells += [f"{row['perplexity']['mean']:.1f}", "" if not change else f"{change:+.1%}"]
        else:
            cells += [row["status"], str(row.get("error") or "")]
        table.add_row(*cells)
    return table


def _print_ranks(answer: Mapping[str, Any], console: Console) -> None:
    rows = [row for row in answer["rows"] if row.get("probes")]
    for number, probe in enumerate(rows[0]["probes"] if rows else []):
        context = answer["probes"][number]["context"]
        console.print(f"\nRank of [bold]{probe['target']}[/] in: [italic]… {context[-150:]} ___[/]")
        for row in rows:
            found = row["probes"][number]
            rank = f"{found['rank']:>7,.0f}" if found["rank"] is not None else "   (not in the vocabulary)"
            console.print(f"  {rank}  {row['label']}", highlight=False)


def _print_next(answer: Mapping[str, Any], url: str, console: Console) -> None:
    models = [row["models"][0] for row in answer["rows"] if row["models"]]
    target = answer["probes"][0] if answer["probes"] else {"context": "The", "target": "world"}
    context = " ".join(target["context"].split()[-8:]).replace("'", "’").replace('"', "”")
    console.print("  make up", highlight=False)
    console.print(
        f"""  curl {url}/v1/rank --json '{{"models": {str(models[:2]).replace("'", '"')}, """
        f""""context": "{context}", "words": ["{target["target"]}"]}}'""",
        highlight=False,
        soft_wrap=True,
        markup=False,
    )
