"""Hindcast from Python: `Hindcast`, `AsyncHindcast`; for decoders `ScoreStream` and adapters. It needs neither torch
nor a service's code."""

from hindcast_client.asynchronous.client import AsyncHindcast
from hindcast_client.asynchronous.corpora import AsyncCorpus
from hindcast_client.asynchronous.experiments import AsyncExperiment
from hindcast_client.asynchronous.jobs import AsyncJob
from hindcast_client.decoders import BeamSearchScorer, KenLmScorer, PyctcdecodeScorer, Scorer
from hindcast_client.errors import (
    Closed,
    Conflict,
    Evicted,
    FieldError,
    Gone,
    HindcastError,
    Invalid,
    JobFailed,
    NotAllowed,
    NotFound,
    NotInstalled,
    NotUnderstood,
    Refused,
    TimedOut,
    TooLarge,
    TooMany,
    Unavailable,
    Unreachable,
    WrongArgument,
    WrongUrl,
)
from hindcast_client.stream import ScoreStream
from hindcast_client.synchronous.client import Hindcast
from hindcast_client.synchronous.corpora import Corpus
from hindcast_client.synchronous.experiments import Experiment
from hindcast_client.synchronous.jobs import Job
from hindcast_client.vectors import Vectors

__all__ = [
    "AsyncCorpus",
    "AsyncExperiment",
    "AsyncHindcast",
    "AsyncJob",
    "BeamSearchScorer",
    "Closed",
    "Conflict",
    "Corpus",
    "Evicted",
    "Experiment",
    "FieldError",
    "Gone",
    "Hindcast",
    "HindcastError",
    "Invalid",
    "Job",
    "JobFailed",
    "KenLmScorer",
    "NotAllowed",
    "NotFound",
    "NotInstalled",
    "NotUnderstood",
    "PyctcdecodeScorer",
    "Refused",
    "ScoreStream",
    "Scorer",
    "TimedOut",
    "TooLarge",
    "TooMany",
    "Unavailable",
    "Unreachable",
    "Vectors",
    "WrongArgument",
    "WrongUrl",
]
