"""`hindcast rescore --tune`: weights, what they are worth, and what is wrong with the lists that they come from."""

import gzip
import json
from importlib.util import find_spec

import pytest
from command_line import ESCAPE, as_lines, lists
from written_lists import golden


def test_weights_are_tuned_first_and_what_they_are_worth_is_told(hindcast, direct, development, tmp_path):
    (tmp_path / "dev.jsonl.gz").write_bytes(gzip.compress(development(60, seed=1)))
    (tmp_path / "lists.jsonl").write_bytes(development(40, seed=2))
    tuning = ("--tune", "dev.jsonl.gz", "--report", "lists.jsonl", "--report-json", "tuned.json")
    done = hindcast("lists.jsonl", *tuning, "--convention", '{"fold_case": true}')
    told = json.loads((tmp_path / "tuned.json").read_text())
    weights = {name: value for name, value in told["weights"].items() if name != "interpolation"}
    assert told["verdict"] == "improves"
    assert weights["lm_weight"] == pytest.approx(3, abs=1)
    assert done.stdout == direct((tmp_path / "lists.jsonl").read_bytes(), format="jsonl", **weights)
    stderr = done.stderr.decode()
    assert ESCAPE not in done.stderr
    heading, first, second, *sentences = stderr.splitlines()
    assert " ".join(heading.split()) == "word error rate, % before after oracle after - before (95 %) p"
    for row, name in ((first, "development"), (second, "report")):
        figures = told[name]
        assert row.split()[:4] == [name, *(f"{figures[f'wer_{when}']:.2f}" for when in ("before", "after", "oracle"))]
        assert f"({figures['ci95'][0]:+.2f} to {figures['ci95'][1]:+.2f})" in row
        assert row.endswith(f"{figures['p_value']:.3g}")
    assert "Verdict: improves." in sentences
    assert f"lm_weight {weights['lm_weight']:.6g}" in sentences[-1]


def test_weights_that_are_worth_nothing_are_said_to_be_and_used(hindcast, direct, tmp_path):
    (tmp_path / "dev.jsonl").write_bytes(as_lines(lists(8, seed=3, weight=0)))
    (tmp_path / "report.jsonl").write_bytes(as_lines(lists(8, seed=4, weight=0)))
    sent = golden("jsonl.jsonl")
    tuning = ("--tune", "dev.jsonl", "--report", "report.jsonl", "--report-json", "/dev/stderr")
    done = hindcast("-", *tuning, sent=sent)
    assert b"Verdict: no significant gain.\nThe tuned weights are not shown to help." in done.stderr
    report, _ = json.JSONDecoder().raw_decode(done.stderr[done.stderr.index(b"{\n") :].decode())
    weights = report["weights"]
    del weights["interpolation"]
    assert done.stdout == direct(sent, format="jsonl", **weights)


def test_what_is_wrong_with_lists_to_tune_on_is_told_by_their_lines(hindcast, tmp_path):
    good, bad = as_lines(lists(1, seed=1)), b'\n{"utterance": "2", "hypotheses": [{"text": "a"}]}\n'
    (tmp_path / "dev.jsonl").write_bytes(good + bad)
    sent = golden("jsonl.jsonl")
    done = hindcast("-", "--tune", "dev.jsonl", sent=sent, code=2)
    assert done.stderr.startswith(b"dev.jsonl: line 3: reference ")
    (tmp_path / "dev.jsonl").write_bytes(good + b"{")
    assert b"dev.jsonl: line 2 must be" in hindcast("-", "--tune", "dev.jsonl", sent=sent, code=2).stderr
    (tmp_path / "dev.jsonl").write_bytes(good)
    done = hindcast("-", "--tune", "dev.jsonl", "--ngram", "none", "--neural-weight", 2, sent=sent, code=2)
    assert done.stderr.startswith(b"--neural-weight ")
    told = b"none" if find_spec("kenlm") else b"make kenlm"
    assert (
        told
        in hindcast(
            "-", "--tune", "dev.jsonl", "--ngram", "none", sent=sent, code=2 if find_spec("kenlm") else 1
        ).stderr
    )
    assert b"no-such" in hindcast("-", "--tune", "no-such", sent=sent, code=2).stderr


def test_how_weights_are_searched_can_be_said(hindcast, development, tmp_path):
    ids = (f"sw{number % 5}-{number}" for number in range(40))
    made = [
        {**json.loads(line), "utterance": id}
        for id, line in zip(ids, development(40, seed=5).splitlines(), strict=True)
    ]
    (tmp_path / "dev.jsonl").write_bytes(as_lines(made))
    sent = golden("jsonl.jsonl")
    search = ("--groups", "^sw[0-9]+", "--folds", 2, "--range", "lm-weight=0:1", "--restarts", 3, "--seed", 4)
    done = hindcast("-", "--tune", "dev.jsonl", *search, "--report-json", "tuned.json", sent=sent)
    told = json.loads((tmp_path / "tuned.json").read_text())
    assert 0 <= told["weights"]["lm_weight"] <= 1
    folds = told["cross_validation"]["folds"]
    assert len(folds) == 2
    assert sorted(group for fold in folds for group in fold["groups"]) == [f"sw{number}" for number in range(5)]
    row = next(line for line in done.stderr.decode().splitlines() if line.startswith("cross-validation"))
    assert row.split()[1] == f"{told['cross_validation']['wer_before']:.2f}"
    outside = hindcast("-", "--tune", "dev.jsonl", "--groups", "^utt", sent=sent, code=2)
    assert outside.stderr == b"--groups '^utt' matches nothing of the utterance 'sw0-0'.\n"
    unknown = hindcast("-", "--tune", "dev.jsonl", "--range", "weight=0:1", sent=sent, code=2)
    assert unknown.stderr.startswith(b'--range the key "weight" must be one of am_scale')
    assert b"--restarts " in hindcast("-", "--tune", "dev.jsonl", "--restarts", -1, sent=sent, code=2).stderr
