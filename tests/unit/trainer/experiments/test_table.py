import csv
import io
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hindcast.jobs import service
from hindcast.jobs.job import Job, JobProgress, JobStatus
from hindcast.registry import Resource
from hindcast_trainer.experiments.document import Experiment, RowJobs
from hindcast_trainer.experiments.formats import as_csv, as_markdown
from hindcast_trainer.experiments.known import Known
from hindcast_trainer.experiments.table import summarize, tabulate
from hindcast_trainer.topical_probe import FIGURES

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
PROBES = [{"context": "placed on standby for", "target": "hurricane"}]
VOCABULARY = {"size": 5000, "sha256": "ab" * 32}
SEEDS = (1, 2, 3)


def job(id: str, kind: str, **facts: Any) -> Job:
    made: dict[str, Any] = {
        "name": None,
        "status": JobStatus.SUCCEEDED,
        "spec": {},
        "digest": "",
        "needs": (),
        "uses": (),
        "result_type": None,
        "result_id": None,
        "created_at": NOON,
    }
    return Job(id=id, kind=kind, **{**made, **facts})


def language_model(id: str, seed: int, perplexity: float, **facts: Any) -> Job:
    return job(
        id,
        "language_model",
        spec={"seed": seed, "train": {"corpora": ["cor_1"]}, "test": {"corpora": ["cor_1"], "split": "test"}},
        metrics={"test_perplexity": perplexity, "valid_perplexity": 1.0, "oov_rate": 0.03, "parameters": 1000.0},
        result_id=f"lm_{id}",
        started_at=NOON,
        finished_at=NOON + timedelta(seconds=10),
        **facts,
    )


def probe(id: str, rank: float, probability: float = 0.1) -> Job:
    return job(id, "probe", metrics={"probe_0_rank": rank, "probe_0_probability": probability})


def resource(id: str, name: str | None = None, **facts: Any) -> Resource:
    return Resource(id, "model", name, "key", {"vocabulary": VOCABULARY, "pipeline": "plain", **facts}, 0, None, NOON)


JOBS = {
    job.id: job
    for job in (
        *(language_model(f"base{seed}", seed, 90 + 10 * seed) for seed in SEEDS),
        *(probe(f"base{seed}?", rank) for seed, rank in zip(SEEDS, (50, 10, 400), strict=True)),
        job("word2vec", "word2vec", spec={"corpus": {"corpora": ["cor_1", "cor_2"]}, "unit": "sentence"}),
        *(language_model(f"table{seed}", seed, 72 + 8 * seed) for seed in SEEDS),
        *(probe(f"table{seed}?", rank) for seed, rank in zip(SEEDS, (5, 7, 9), strict=True)),
    )
}
BASE = RowJobs("none", True, None, None, [f"base{seed}" for seed in SEEDS], [f"base{seed}?" for seed in SEEDS])
TABLE = RowJobs(
    "word2vec", False, "word2vec", None, [f"table{seed}" for seed in SEEDS], [f"table{seed}?" for seed in SEEDS]
)
RESOURCES = {id: resource(id) for id in [f"lm_base{seed}" for seed in SEEDS] + [f"lm_table{seed}" for seed in SEEDS]}
RESOURCES["cor_1"] = resource("cor_1", "news")
EXPERIMENT = Experiment("exp_1", "e", NOON, {"seeds": list(SEEDS), "probes": PROBES}, [BASE, TABLE])


def known(**changes: Mapping[str, Any]) -> Known:
    """Everything has succeeded, but for these jobs' changes."""
    return Known({**JOBS, **{id: replace(JOBS[id], **change) for id, change in changes.items()}}, RESOURCES)


def test_a_row_has_mean_and_deviation_over_its_seeds() -> None:
    row = tabulate(EXPERIMENT, known()).rows[0]
    assert row.perplexity is not None
    assert (row.perplexity.mean, row.perplexity.std, row.perplexity.on) == (110, 10, "test")
    assert row.perplexity.per_seed == [100, 110, 120]
    assert (row.oov_rate, row.parameters, row.seconds) == (0.03, 1000, 30)
    assert row.models == ["lm_base1", "lm_base2", "lm_base3"]


def test_rows_are_compared_with_the_first_that_learns_its_input() -> None:
    answer = tabulate(replace(EXPERIMENT, rows=[TABLE, BASE]), known())
    assert answer.baseline == "none"
    change = answer.rows[0].relative_to_baseline
    assert change is not None
    assert change.change == pytest.approx(-0.2)
    assert answer.rows[1].relative_to_baseline is None


def test_rows_are_compared_with_the_one_that_was_asked_for() -> None:
    answer = tabulate(replace(EXPERIMENT, request={**EXPERIMENT.request, "baseline": TABLE.label}), known())
    assert answer.baseline == TABLE.label
    learned, pretrained = (row.relative_to_baseline for row in answer.rows)
    assert learned is not None
    assert learned.change == pytest.approx(0.25)
    assert pretrained is None


def test_a_row_says_what_its_table_was_trained_on() -> None:
    learned, pretrained = tabulate(EXPERIMENT, known()).rows
    assert learned.pretraining is None
    assert pretrained.pretraining is not None
    assert pretrained.pretraining.model_dump() == {
        "dataset": "news, cor_2",
        "unit": "sentence",
        "objective": "word2vec",
    }


def test_a_probe_has_the_median_rank() -> None:
    answered = tabulate(EXPERIMENT, known()).rows[0].probes[0]
    assert (answered.target, answered.rank) == ("hurricane", 50)
    assert [rank.rank for rank in answered.per_seed if rank] == [50, 10, 400]


def test_a_word_that_no_vocabulary_has_is_without_rank() -> None:
    answered = tabulate(EXPERIMENT, known(**{f"base{seed}?": {"metrics": {}} for seed in SEEDS})).rows[0].probes[0]
    assert (answered.rank, answered.probability) == (None, None)
    assert answered.per_seed[0] is not None
    assert answered.per_seed[0].rank is None


def test_a_table_from_elsewhere_is_named() -> None:
    row = replace(TABLE, pretrain=None, table="cor_1")
    [answer] = tabulate(replace(EXPERIMENT, rows=[row]), known()).rows
    assert answer.pretraining is not None
    assert (answer.pretraining.dataset, answer.pretraining.objective) == ("news", "imported")


def test_a_table_that_a_job_made_is_told_by_that_job() -> None:
    made = {**RESOURCES, "tab_1": replace(RESOURCES["cor_1"], id="tab_1", job_id="word2vec")}
    row = replace(TABLE, pretrain=None, table="tab_1")
    [answer] = tabulate(replace(EXPERIMENT, rows=[row]), Known(JOBS, made)).rows
    assert answer.pretraining is not None
    assert answer.pretraining.objective == "word2vec"


INTERVALS = {"perplexity_low": 85.0, "perplexity_high": 91.0}
COMPARISON = {
    "perplexity_low": 85.0,
    "perplexity_high": 91.0,
    "change_low": -0.22,
    "change_high": -0.17,
    "p_value": 0.003,
}


def compared(**changes: Any) -> Known:
    """Both rows with their intervals, and the second's comparison with the first."""
    jobs = [
        job("base=", "comparison", metrics=INTERVALS),
        job("table=", "comparison", metrics=INTERVALS),
        job("table-base", "comparison", **{"metrics": COMPARISON, **changes}),
    ]
    return Known({**JOBS, **{each.id: each for each in jobs}}, RESOURCES)


WITH_COMPARISONS = replace(
    EXPERIMENT,
    rows=[replace(BASE, intervals="base="), replace(TABLE, intervals="table=", comparison="table-base")],
)


def test_a_comparison_gives_intervals_and_a_p_value() -> None:
    base, table = tabulate(WITH_COMPARISONS, compared()).rows
    assert table.perplexity is not None
    assert table.perplexity.ci95 == (85, 91)
    assert table.relative_to_baseline is not None
    assert table.relative_to_baseline.model_dump() == {
        "change": pytest.approx(-0.2),
        "ci95": (-0.22, -0.17),
        "p_value": 0.003,
    }
    assert base.relative_to_baseline is None
    assert table.jobs[-2:] == ["table=", "table-base"]


def test_without_a_comparison_there_is_the_change_alone() -> None:
    for experiment, of in ((EXPERIMENT, known()), (WITH_COMPARISONS, compared(status=JobStatus.RUNNING))):
        change = tabulate(experiment, of).rows[1].relative_to_baseline
        assert change is not None
        assert (change.ci95, change.p_value) == (None, None)
        assert change.change == pytest.approx(-0.2)


def stored_without(field: str, experiment: Experiment) -> Experiment:
    """As it was stored before rows had that field."""
    document = {"id": "exp_1", "name": None, "created_at": NOON, **experiment.document()}
    document["rows"] = [{key: row[key] for key in row if key != field} for row in document["rows"]]
    return Experiment.of(document)


def test_an_experiment_stored_before_there_were_comparisons_is_read() -> None:
    experiment = stored_without("comparison", EXPERIMENT)
    assert tabulate(experiment, known()).rows[1].relative_to_baseline is not None


def test_an_experiment_whose_comparisons_took_both_intervals_is_read() -> None:
    rows = [replace(BASE, comparison="base="), replace(TABLE, comparison="table-base")]
    experiment = stored_without("intervals", replace(EXPERIMENT, rows=rows))
    base, table = tabulate(experiment, compared()).rows
    assert [row.perplexity and row.perplexity.ci95 for row in (base, table)] == [(85, 91)] * 2
    assert (base.jobs.count("base="), table.jobs.count("table-base")) == (1, 1)
    assert experiment.jobs.count("table-base") == 1


def test_a_baseline_that_failed_is_told_once() -> None:
    jobs = dict(compared(status=JobStatus.FAILED, error=service.NEED_FAILED).jobs)
    jobs["base2"] = replace(jobs["base2"], **FAILED)
    answer = tabulate(WITH_COMPARISONS, Known(jobs, RESOURCES))
    assert answer.warnings == [
        "The baseline, none, was not finished (failed): no row is compared with all of it.",
        "word2vec: its change is of the seeds 1, 3 alone, which the baseline has too.",
    ]


def test_a_baseline_that_failed_leaves_the_others_the_intervals_of_their_own_perplexity() -> None:
    jobs = dict(compared(status=JobStatus.FAILED, error=service.NEED_FAILED).jobs)
    jobs["base2"], jobs["base="] = replace(jobs["base2"], **FAILED), replace(jobs["base="], **FAILED)
    base, table = tabulate(WITH_COMPARISONS, Known(jobs, RESOURCES)).rows
    assert table.perplexity is not None
    assert table.perplexity.ci95 == (85, 91)
    assert base.perplexity is not None
    assert base.perplexity.ci95 is None


@pytest.mark.parametrize(
    ("failing", "told"),
    [
        (["table="], "word2vec has no interval of its perplexity: Model lm_1 is gone."),
        (["table-base"], "word2vec has no interval of its change: Model lm_1 is gone."),
        (["table=", "table-base"], "word2vec has no intervals: Model lm_1 is gone."),
    ],
)
def test_intervals_that_were_not_taken_are_told_with_the_reason(failing: list[str], told: str) -> None:
    error = {"type": "/problems/not-found", "detail": "Model lm_1 is gone."}
    jobs = dict(compared().jobs)
    jobs.update({id: replace(jobs[id], status=JobStatus.FAILED, error=error) for id in failing})
    answer = tabulate(WITH_COMPARISONS, Known(jobs, RESOURCES))
    assert answer.warnings == [told]
    row = answer.rows[1]
    assert (row.status, row.error) == (JobStatus.SUCCEEDED, None)
    assert row.perplexity is not None
    assert row.relative_to_baseline is not None
    assert (row.perplexity.ci95 is None) is ("table=" in failing)
    assert (row.relative_to_baseline.ci95 is None) is ("table-base" in failing)


def test_a_row_is_cancelled_though_other_jobs_failed_for_want_of_the_cancelled_one() -> None:
    wanting = {"status": JobStatus.FAILED, "error": {**service.NEED_FAILED, "detail": "It needs base2."}}
    answer = tabulate(EXPERIMENT, known(base2={"status": JobStatus.CANCELLED}, **{"base2?": wanting}))
    assert (answer.rows[0].status, answer.rows[0].error) == (JobStatus.CANCELLED, None)
    assert "was not finished (cancelled)" in answer.warnings[0]
    assert tabulate(EXPERIMENT, known(base1=FAILED, base2={"status": JobStatus.CANCELLED})).rows[0].error is not None


def test_a_change_of_some_seeds_alone_is_told_as_such() -> None:
    answer = tabulate(EXPERIMENT, known(base2=FAILED))
    change = answer.rows[1].relative_to_baseline
    assert change is not None
    assert change.change == pytest.approx((80 + 96) / (100 + 120) - 1)
    assert answer.warnings[1:] == ["word2vec: its change is of the seeds 1, 3 alone, which the baseline has too."]
    assert tabulate(EXPERIMENT, known(base2={"status": JobStatus.RUNNING})).warnings == []
    jobs = known(base2=FAILED).jobs
    without_text = {
        id: replace(each, spec={"seed": each.spec["seed"]}) if each.kind == "language_model" else each
        for id, each in jobs.items()
    }
    told = tabulate(EXPERIMENT, Known(without_text, RESOURCES)).warnings
    assert not [warning for warning in told if "alone" in warning]


def test_intervals_that_were_not_taken_again_when_the_model_was_are_told() -> None:
    answer = tabulate(WITH_COMPARISONS, compared(status=JobStatus.FAILED, error=service.NEED_FAILED))
    assert answer.rows[1].status == JobStatus.SUCCEEDED
    [warning] = answer.warnings
    assert warning.startswith("word2vec has no interval of its change: ")
    assert warning.endswith("Retry the experiment.")


@pytest.mark.parametrize("facts", [{"vocabulary": {"size": 9000, "sha256": "cd" * 32}}, {"pipeline": "asr"}])
def test_models_that_cant_be_compared_are_not(facts: dict[str, Any]) -> None:
    different = {**RESOURCES, "lm_table1": resource("lm_table1", **facts)}
    change = tabulate(WITH_COMPARISONS, Known(compared().jobs, different)).rows[1].relative_to_baseline
    assert change is not None
    assert change.model_dump() == {"change": None, "ci95": None, "p_value": None}


def test_test_text_that_was_trained_on_is_warned_of() -> None:
    much, little = ({"data": {"test": {"overlap": {"n": 8, "share": share}}}} for share in (0.25, 0.005))
    seen = {**RESOURCES, "lm_base1": resource("lm_base1", **much), "lm_table1": resource("lm_table1", **little)}
    jobs = compared().jobs
    jobs = {**jobs, "table=": replace(jobs["table="], metrics={**INTERVALS, "pretraining_overlap": 0.5})}
    assert tabulate(WITH_COMPARISONS, Known(jobs, seen)).warnings == [
        "none: 25.0% of the held-out text's sequences of 8 words are in the train text too.",
        "word2vec: 50.0% of the held-out text's sequences of 8 words are in the pre-training text too.",
    ]


def test_what_a_models_card_warns_of_is_told_once() -> None:
    told = ["The table was made from text of the pipeline asr, the model reads plain."]
    warned = {f"lm_table{seed}": resource(f"lm_table{seed}", warnings=told) for seed in SEEDS}
    assert tabulate(EXPERIMENT, Known(JOBS, {**RESOURCES, **warned})).warnings == [f"word2vec: {told[0]}"]


def test_labels_with_commas_are_told_apart() -> None:
    told = ["The table was made from text of the pipeline asr, the model reads plain."]
    warned = {f"lm_{row}": resource(f"lm_{row}", warnings=told) for row in ("table1", "base1")}
    rows = [replace(BASE, label="none, small"), TABLE]
    [warning] = tabulate(replace(EXPERIMENT, rows=rows), Known(JOBS, {**RESOURCES, **warned})).warnings
    assert warning == f'"none, small", word2vec: {told[0]}'


def test_rows_that_nothing_is_compared_with_are_warned_of() -> None:
    other = replace(TABLE, label="another")
    [warning] = tabulate(replace(EXPERIMENT, rows=[TABLE, other]), known()).warnings
    assert "no `baseline` was named" in warning
    assert tabulate(replace(EXPERIMENT, rows=[TABLE]), known()).warnings == []


AUTO = replace(EXPERIMENT, request={"seeds": list(SEEDS), "probes": {"auto": 40}})


def topical(**medians: float) -> Known:
    """These probes have ended with these median ranks, and half of that given the sentence alone."""
    metrics = {
        id: {
            "words": 30.0,
            **{f"{context}_{name}": 0.5 for context in ("document", "sentence") for name in FIGURES},
            "document_median": median,
            "sentence_median": 2 * median,
        }
        for id, median in medians.items()
    }
    return known(**{f"{id}?": {"kind": "topical_probe", "metrics": figures} for id, figures in metrics.items()})


def test_ranks_of_topical_words_are_medians_over_the_seeds() -> None:
    [base, _] = tabulate(AUTO, topical(base1=7, base2=100, base3=50)).rows
    assert base.probes == []
    assert base.ranks is not None
    assert (base.ranks.median, base.ranks.sentence.median, base.ranks.words) == (50, 100, 30)


def test_fewer_topical_words_than_asked_for_are_told() -> None:
    few = tabulate(AUTO, topical(base1=7, base2=100, base3=50)).warnings[0]
    assert few == "none: the text has 30 topical words to ask for, not 40."


def test_ranks_of_topical_words_stand_in_the_table() -> None:
    answer = tabulate(AUTO, topical(base1=7, base2=1200, base3=2000))
    lines = as_markdown(answer).splitlines()
    assert lines[2].endswith("| Median rank | MRR | Hits@10 | Hits@100 | Median rank, sentence alone |")
    assert lines[4].endswith("| 1,200 | 0.500 | 50.0% | 50.0% | 2,400 |")
    assert lines[5].endswith("| -20.0% |  |  |  |  |  |  |")
    [first, _] = csv.DictReader(io.StringIO(as_csv(answer)))
    assert (first["topical words"], first["document median"], first["sentence median"]) == ("30", "1200.0", "2400.0")


def test_intervals_stand_in_the_table() -> None:
    answer = tabulate(WITH_COMPARISONS, compared())
    markdown = as_markdown(answer)
    assert "| 88.0 ± 8.0 [85.0, 91.0] | -20.0% [-22.0, -17.0] |" in markdown
    assert "bootstrap" in markdown
    [_, second] = csv.DictReader(io.StringIO(as_csv(answer)))
    figures = ("perplexity_low", "perplexity_high", "change_low", "change_high", "p_value")
    assert [second[name] for name in figures] == ["85.0", "91.0", "-0.22", "-0.17", "0.003"]


def test_a_table_put_together_is_told_by_its_parts() -> None:
    facts = {"objective": "word2vec", "unit": "sentence"}
    tables = {"tab_1": resource("tab_1", "ours", **facts), "tab_2": resource("tab_2")}
    both = job("both", "concatenation", spec={"tables": ["tab_1", "tab_2"], "normalization": "unit"})
    row = replace(TABLE, pretrain="both")
    [answer] = tabulate(replace(EXPERIMENT, rows=[row]), Known({**JOBS, "both": both}, RESOURCES | tables)).rows
    assert answer.pretraining is not None
    assert answer.pretraining.model_dump() == {
        "dataset": "ours + tab_2",
        "unit": "sentence",
        "objective": "word2vec + imported",
    }


FAILED = {"status": JobStatus.FAILED, "error": {"detail": "out of words"}, "metrics": {}}


def test_a_failed_row_fails_alone_and_says_why() -> None:
    answer = tabulate(EXPERIMENT, known(table2=FAILED))
    assert [row.status for row in answer.rows] == [JobStatus.SUCCEEDED, JobStatus.FAILED]
    assert answer.status == JobStatus.SUCCEEDED
    assert answer.rows[1].error == "language_model table2 (seed 2) failed: out of words"
    assert answer.rows[1].perplexity is not None
    assert answer.rows[1].perplexity.per_seed == [80, None, 96]


def test_a_change_is_of_the_seeds_that_both_have() -> None:
    change = tabulate(EXPERIMENT, known(table2=FAILED, base3=FAILED)).rows[1].relative_to_baseline
    assert change is not None
    assert change.change == pytest.approx(80 / 100 - 1)
    change = tabulate(EXPERIMENT, known(table1=FAILED)).rows[1].relative_to_baseline
    assert change is not None
    assert change.change == pytest.approx((88 + 96) / (110 + 120) - 1)


def test_a_row_that_goes_on_from_a_model_names_it() -> None:
    adapted = replace(JOBS["base1"], id="adapted", spec={**JOBS["base1"].spec, "init_from": "lm_base1"})
    row = RowJobs("adapted", False, None, None, ["adapted"] * 3, [])
    whole = Known({**JOBS, "adapted": adapted}, {**RESOURCES, "lm_base1": resource("lm_base1", "talks")})
    told = tabulate(replace(EXPERIMENT, rows=[BASE, row]), whole).rows[1].pretraining
    assert told is not None
    assert (told.dataset, told.objective) == ("talks", "language model")


def test_the_error_is_that_of_the_job_that_failed_first() -> None:
    [_, row] = tabulate(EXPERIMENT, known(word2vec=FAILED, table1={**FAILED, "error": {"detail": "needs"}})).rows
    assert row.error == "word2vec word2vec failed: out of words"


def test_a_deleted_job_is_a_failed_row() -> None:
    jobs = {id: job for id, job in JOBS.items() if id != "base1"}
    [row, _] = tabulate(EXPERIMENT, Known(jobs, RESOURCES)).rows
    assert (row.status, row.error) == (JobStatus.FAILED, "job base1 was deleted")


def test_an_experiment_fails_with_its_last_row() -> None:
    assert summarize(EXPERIMENT, known(base1=FAILED, word2vec=FAILED)).status == JobStatus.FAILED


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        (["queued"], "queued"),
        (["queued", "succeeded"], "running"),
        (["running", "failed"], "running"),
        (["failed", "succeeded", "cancelled"], "succeeded"),
        (["failed", "cancelled"], "failed"),
        (["cancelled"], "cancelled"),
    ],
)
def test_the_status_follows_from_the_jobs(statuses: list[str], expected: str) -> None:
    rows = [RowJobs(f"{n}", True, None, None, [f"job{n}"], []) for n in range(len(statuses))]
    jobs = {f"job{n}": job(f"job{n}", "language_model", status=JobStatus(s)) for n, s in enumerate(statuses)}
    assert summarize(replace(EXPERIMENT, rows=rows), Known(jobs)).status == expected


def test_a_cancelled_experiment_is_cancelled_while_others_use_its_jobs() -> None:
    running = {"status": JobStatus.RUNNING}
    assert summarize(replace(EXPERIMENT, cancelled=True), known(base1=running)).status == JobStatus.CANCELLED


def test_progress_counts_what_running_jobs_have_done() -> None:
    half = JobProgress(0.5, 1, 2, "epochs", None, "")
    one = replace(EXPERIMENT, rows=[replace(BASE, language_models=["base1", "base2"], probes=[])])
    running = {"status": JobStatus.RUNNING, "progress": half, "metrics": {}}
    progress = summarize(one, known(base2=running)).progress
    assert (progress.fraction, progress.done, progress.total) == (0.75, 1, 2)


def test_valid_perplexity_counts_where_there_is_no_test_text_and_only_at_the_end() -> None:
    spec = {"seed": 1, "valid": {"corpora": ["cor_1"]}, "test": None}
    metrics = {"valid_perplexity": 70.0}
    request = {**EXPERIMENT.request, "seeds": [1]}
    one = replace(EXPERIMENT, request=request, rows=[replace(BASE, language_models=["base1"], probes=["base1?"])])
    [ended] = tabulate(one, known(base1={"spec": spec, "metrics": metrics})).rows
    assert ended.perplexity is not None
    assert (ended.perplexity.on, ended.perplexity.mean, ended.perplexity.std) == ("valid", 70, None)
    [early] = tabulate(one, known(base1={"spec": spec, "metrics": metrics, "status": JobStatus.RUNNING})).rows
    assert early.perplexity is not None
    assert early.perplexity.mean is None


def test_comparable_rows_come_without_warnings() -> None:
    assert tabulate(EXPERIMENT, known()).warnings == []


@pytest.mark.parametrize(
    ("facts", "word"),
    [({"vocabulary": {"size": 9000, "sha256": "cd" * 32}}, "vocabularies"), ({"pipeline": "asr"}, "pipelines")],
)
def test_models_that_differ_in_what_counts_as_a_word_bring_a_warning(facts: dict[str, Any], word: str) -> None:
    different = {**RESOURCES, "lm_table1": resource("lm_table1", **facts)}
    [warning] = tabulate(EXPERIMENT, Known(JOBS, different)).warnings
    assert word in warning
    assert "word2vec" in warning


def test_perplexities_of_different_texts_bring_a_warning() -> None:
    spec = {**JOBS["table1"].spec, "test": {"corpora": ["cor_2"]}}
    [warning] = tabulate(EXPERIMENT, known(table1={"spec": spec})).warnings
    assert "texts" in warning


def test_markdown_is_one_table_with_its_failures_below() -> None:
    odd = replace(EXPERIMENT, rows=[BASE, replace(TABLE, label="a|b\nc")])
    lines = as_markdown(tabulate(odd, known(table2=FAILED))).splitlines()
    assert lines[2] == "| Row | Dataset | Unit | Objective | PPL | Change | p | Rank of *hurricane* |"
    assert lines[4] == "| none | / | / | / | 110.0 ± 10.0 |  |  | 50 |"
    assert lines[5] == "| a\\|b c | news, cor_2 | sentence | word2vec | 88.0 ± 11.3 | -20.0% |  | 7 |"
    assert any("table2 (seed 2) failed: out of words" in line for line in lines[6:])


@pytest.mark.parametrize(("p_value", "printed"), [(0.0312, "0.031"), (1e-4, "<0.001"), (1.0, "1.000")])
def test_markdown_has_a_changes_interval_and_p_value(p_value: float, printed: str) -> None:
    answer = tabulate(WITH_COMPARISONS, compared(metrics={**COMPARISON, "p_value": p_value}))
    assert f"| -20.0% [-22.0, -17.0] | {printed} |" in as_markdown(answer)


def test_what_users_wrote_is_no_markup() -> None:
    odd = replace(EXPERIMENT, rows=[BASE, replace(TABLE, label=r"<i>x</i> *y* a_b _c_ `d` [e](f) \g &amp; h & i")])
    told = as_markdown(tabulate(odd, known(table2=FAILED)))
    escaped = r"\<i>x\</i> \*y\* a_b \_c\_ \`d\` \[e](f) \\g \&amp; h & i"
    assert f"\n| {escaped} | news, cor_2 |" in told
    assert f"\n\n{escaped}: " in told


def test_csv_has_a_line_a_row_with_every_figure() -> None:
    first, second = csv.DictReader(io.StringIO(as_csv(tabulate(EXPERIMENT, known()))))
    assert (first["perplexity"], first["std"], first["dataset"]) == ("110.0", "10.0", "")
    assert (second["row"], second["objective"], second["rank 1: hurricane"]) == ("word2vec", "word2vec", "7.0")


def test_a_table_of_tables_is_told_by_their_texts() -> None:
    first = Resource("tab_1", "table", None, "key", {}, 0, "word2vec", NOON)
    second = Resource("tab_2", "table", "google", "key", {}, 0, None, NOON)
    both = job("both", "concatenation", spec={"tables": ["tab_1", "tab_2"]})
    all_known = Known({**JOBS, "both": both}, {**RESOURCES, "tab_1": first, "tab_2": second})
    told = tabulate(replace(EXPERIMENT, rows=[BASE, replace(TABLE, pretrain="both")]), all_known).rows[1].pretraining
    assert told is not None
    assert (told.dataset, told.unit, told.objective) == ("news, cor_2 + google", "sentence", "word2vec + imported")


def test_the_papers_numbers_stand_beside_ours() -> None:
    beside = replace(EXPERIMENT, rows=[replace(BASE, paper_perplexity=189), TABLE])
    lines = as_markdown(tabulate(beside, known())).splitlines()
    assert lines[2].endswith("| PPL | Change | p | Paper | Rank of *hurricane* |")
    assert lines[4].endswith("|  | 189 | 50 |")
    assert lines[5].endswith("|  | 7 |")
    first, second = csv.DictReader(io.StringIO(as_csv(tabulate(beside, known()))))
    assert (first["paper_perplexity"], second["paper_perplexity"]) == ("189.0", "")
