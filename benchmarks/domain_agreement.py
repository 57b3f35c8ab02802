"""Found domains against gold labels, beside plain k-means: `python benchmarks/domain_agreement.py --data FOLDER`.

FOLDER holds `20newsgroups/documents.train.jsonl.gz` and `bbc_news/documents.train.jsonl.gz`, a document with its
`domain` a line. The procedure's final labels of the entire corpus and those of plain k-means (k clusters, as many
starts) in the same first LSA space are compared with the gold ones; medians over seeds.
"""

import argparse
import gzip
import json
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
import numpy.typing as npt
from sklearn.cluster import KMeans

from hindcast.text.corpus import Corpus, CorpusReference, Text, Unit
from hindcast_trainer.clusters import UNCLASSIFIED, agreement
from hindcast_trainer.domains import DomainsJob, find_domains, gold_labels
from hindcast_trainer.ingest import Ingest, ingest
from hindcast_trainer.lsa import LatentSpace, count_terms

CORPORA = {"20newsgroups": 20, "bbc_news": 5}
"""Folder, and how many gold labels there are: k."""
STARTS = 3
"""Of k-means; the procedure's own number."""
FIGURES = ("nmi", "purity")


@dataclass(frozen=True)
class Labelled:
    """A text whose domains are known."""

    name: str
    text: Text
    gold_U: npt.NDArray[np.int64]


def read(file: Path, name: str, folder: Path, unit: Unit) -> Labelled:
    """Make a corpus of a gzipped file of JSON lines, as an upload becomes one."""
    upload = folder / f"{name}.jsonl"
    upload.write_bytes(gzip.decompress(file.read_bytes()))
    (folder / name).mkdir()
    drive(ingest(Ingest(upload=name, format="jsonl", pipeline="plain", sha256=""), upload, folder / name))
    text = Text.resolve(CorpusReference(corpora=(name,)), lambda _: Corpus.open(folder / name))
    return Labelled(name, text, gold_labels(text, unit))


def drive(steps: Any) -> Any:
    """A computation's result."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def plain_kmeans(spec: DomainsJob, text: Text) -> npt.NDArray[np.int32]:
    """[units] k clusters in the LSA space that the procedure starts from."""
    counts = drive(count_terms(text, spec.unit))
    space = LatentSpace.of(counts.counts_UM, size=spec.lsa_size, seed=spec.seed)
    labels_U = np.full(counts.counts_UM.shape[0], UNCLASSIFIED, dtype=np.int32)
    known_U = np.flatnonzero(counts.described)
    fitted = KMeans(spec.k, n_init=STARTS, random_state=spec.seed).fit(space.project(counts.counts_UM[known_U]))
    labels_U[known_U] = fitted.labels_
    return labels_U


def compare(labelled: Labelled, spec: DomainsJob) -> dict[str, Any]:
    """Both methods with one seed."""
    started = time.perf_counter()
    found = drive(find_domains(spec, labelled.text, checkpoint=None))
    seconds = time.perf_counter() - started
    return {
        "seed": spec.seed,
        "procedure": agreement(found.labels_U, labelled.gold_U),
        "plain k-means": agreement(plain_kmeans(spec, labelled.text), labelled.gold_U),
        "rounds": found.facts["rounds"],
        "unclassified": found.facts["unclassified"],
        "seconds": seconds,
    }


def medians(runs: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Of each method's figures."""
    return {
        method: {figure: statistics.median(run[method][figure] for run in runs) for figure in FIGURES}
        for method in ("plain k-means", "procedure")
    }


def show(name: str, k: int, runs: Sequence[Mapping[str, Any]]) -> None:
    """Rows of the table: medians, and the lowest and highest of all seeds."""
    for method, figures in medians(runs).items():
        cells = []
        for figure in FIGURES:
            values = [run[method][figure] for run in runs]
            cells.append(f"{figures[figure]:.3f} ({min(values):.3f}-{max(values):.3f})")
        print(f"{name:14}{k:4}  {method:15}{cells[0]:>22}{cells[1]:>22}", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--split", default="train")
    parser.add_argument("--corpora", nargs="+", default=list(CORPORA), choices=list(CORPORA))
    parser.add_argument("--unit", default="document", choices=get_args(Unit))
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--spec", type=json.loads, default={}, help="other fields of the job: '{\"confidence\": 0.2}'")
    parser.add_argument("--json", type=argparse.FileType("w"))
    asked = parser.parse_args()
    results = []
    print(f"medians (lowest-highest) of seeds {asked.seeds}, {asked.split}, {asked.unit}s")
    print(f"{'corpus':14}{'k':>4}  {'labels':15}{'NMI':>22}{'purity':>22}")
    with tempfile.TemporaryDirectory() as folder:
        for name in asked.corpora:
            file = asked.data / name / f"documents.{asked.split}.jsonl.gz"
            labelled = read(file, name, Path(folder), asked.unit)
            options = {"corpus": name, "unit": asked.unit, "k": CORPORA[name], **asked.spec}
            runs = [compare(labelled, DomainsJob(**options, seed=seed)) for seed in asked.seeds]
            show(name, CORPORA[name], runs)
            results.append({"corpus": name, "spec": options, "medians": medians(runs), "runs": runs})
    if asked.json:
        json.dump(results, asked.json, indent=1)


if __name__ == "__main__":
    main()
