"""A client for decoders. It needs neither torch nor a service's code."""

from hindcast_client.decoders import BeamSearchScorer, KenLmScorer, PyctcdecodeScorer, Scorer
from hindcast_client.stream import Evicted, Refused, ScoreStream

__all__ = ["BeamSearchScorer", "Evicted", "KenLmScorer", "PyctcdecodeScorer", "Refused", "ScoreStream", "Scorer"]
