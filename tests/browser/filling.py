"""A database as it is after months of use: 1,000 jobs, 100 models, a corpus, and one job that told 100,000 metrics."""

from sqlalchemy import create_engine, insert, make_url, text

from hindcast.adapters.tables import job_events, job_uses, jobs, resources

JOBS, MODELS, POINTS = 1_000, 100, 100_000
LONG_JOB = "job_00000000000long"
"""It told POINTS values each of train and valid perplexity and of its speed."""
EMPTIED_JOB = "job_0000000000emptied"
"""The table that it made was deleted."""
LATEST = {"train_perplexity": 115.7, "valid_perplexity": 119.8, "tokens_per_second": 9_000.0}
FAILED_BECAUSE = "No space is left on the device: free some, then retry."

_JOBS = text(
    """
    INSERT INTO jobs
      (id, kind, name, status, spec, digest, created_at, started_at, finished_at, metrics, error, attempt)
    SELECT 'job_' || lpad(to_hex(n), 16, '0'), kind, CASE WHEN n % 3 = 0 THEN 'night-' || n END, status,
      '{"corpus": {"corpora": ["cor_0000000000000001"]}}', 'digest-' || n, posted, posted + interval '3 seconds',
      posted + interval '9 minutes',
      CASE WHEN kind = 'language_model' AND status = 'succeeded'
        THEN jsonb_build_object('test_perplexity', 80 + n % 90, 'valid_perplexity', 90 + n % 90) ELSE '{}' END,
      CASE WHEN status = 'failed' THEN jsonb_build_object('type', '/problems/unavailable', 'title', 'Something is away',
        'status', 503, 'detail', CAST(:because AS text)) END, 1
    FROM (SELECT n, now() - n * interval '11 minutes' AS posted,
      (ARRAY['language_model', 'word2vec', 'bilstm_domain', 'domains'])[1 + n % 4] AS kind,
      CASE WHEN n % 25 = 4 THEN 'failed' WHEN n % 50 = 7 THEN 'cancelled' ELSE 'succeeded' END AS status
      FROM generate_series(1, :jobs) AS n) AS made
    """
)
_MODELS = text(
    """
    INSERT INTO resources (id, type, name, artifact, facts, size_bytes, job_id, created_at)
    SELECT 'lm_' || lpad(to_hex(n), 16, '0'), 'model', 'night-' || n, 'models/' || n, jsonb_build_object(
      'network', '{"hidden_size": 128}'::jsonb, 'vocabulary', '{"size": 25000, "sha256": "0"}'::jsonb,
      'pipeline', 'plain', 'history', 'sentence', 'parameters', 9700000 + n,
      'metrics', jsonb_build_object('test_perplexity', 80 + n % 90, 'valid_perplexity', 90 + n % 90)),
      40000000, 'job_' || lpad(to_hex(n), 16, '0'), now() - n * interval '11 minutes'
    FROM generate_series(1, :models) AS n
    """
)
_METRICS = text(
    """
    INSERT INTO job_events (job_id, sequence, type, data, created_at)
    SELECT :job, n + 3, 'metric', jsonb_build_object('unit', 'tokens', 'done', n * 500, 'metrics', jsonb_build_object(
      'train_perplexity', 80 + 4000 / (1 + n / 900.0) + 6 * random(),
      'valid_perplexity', 95 + 2500 / (1 + ceil(n / 10000.0) * 10),
      'tokens_per_second', 9000 + 400 * sin(n / 4000.0) + 150 * random())), now() - (:points - n) * interval '40 ms'
    FROM generate_series(1, :points) AS n
    """
)
CORPUS_FACTS = {
    **{"documents": 100, "paragraphs": 2000, "sentences": 9000, "tokens": 200_000, "words": 191_000, "types": 17_000},
    **{"splits": {}, "domains": {}, "pipeline": "plain", "sha256": "0", "split_by": "document"},
}
"""What is known of a corpus that is ready."""


def fill(database_url: str) -> None:
    """Write all of it into an empty database."""
    url = make_url(database_url).set(drivername="postgresql+psycopg")
    with create_engine(url).begin() as connection:
        connection.execute(_JOBS, {"jobs": JOBS, "because": FAILED_BECAUSE})
        connection.execute(_MODELS, {"models": MODELS})
        connection.execute(
            insert(resources),
            {
                **{"id": "cor_0000000000000001", "type": "corpus", "name": "news", "artifact": "corpora/1"},
                **{"facts": CORPUS_FACTS, "size_bytes": 1_000_000},
            },
        )
        connection.execute(
            insert(jobs),
            {
                **{"id": LONG_JOB, "kind": "language_model", "name": "long", "status": "succeeded", "digest": "long"},
                **{"spec": {"train": {"corpora": ["cor_0000000000000001"]}, "hidden_size": 128}, "attempt": 1},
                **{"metrics": LATEST | {"test_perplexity": 91.6}, "last_event": POINTS + 4},
            },
        )
        connection.execute(insert(job_uses), {"job_id": LONG_JOB, "resource_id": "cor_0000000000000001"})
        connection.execute(
            insert(jobs),
            {
                **{"id": EMPTIED_JOB, "kind": "word2vec", "status": "succeeded", "digest": "emptied", "attempt": 1},
                **{"spec": {}, "metrics": {}, "result_type": "table", "result_id": "tab_000000000000gone"},
            },
        )
        told = [
            {"sequence": 1, "type": "status", "data": {"status": "queued", "attempt": 0}},
            {"sequence": 2, "type": "status", "data": {"status": "running", "attempt": 1}},
            {"sequence": 3, "type": "log", "data": {"message": "25,000 words, 50,000,000 tokens to learn"}},
            {"sequence": POINTS + 4, "type": "status", "data": {"status": "succeeded", "attempt": 1}},
        ]
        connection.execute(insert(job_events), [{"job_id": LONG_JOB, **event} for event in told])
        connection.execute(_METRICS, {"job": LONG_JOB, "points": POINTS})
        connection.execute(text("ANALYZE"))
