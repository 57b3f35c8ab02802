"""How hypotheses are scored and weighed: what a client may set, as JSON."""

import math
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from hindcast.json_model import JsonModel

Weight = Annotated[float, Field(ge=-1e6, le=1e6)]


class _Options(JsonModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Interpolation(_Options):
    """How the scores of an n-gram model and of the neural one are joined."""

    ngram: str
    """Id or name of the n-gram model."""
    weight: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Of the neural model; the n-gram model has the rest."""
    mode: Literal["linear", "log_linear"] = "linear"
    """linear: probabilities are averaged word by word; log_linear: log-probabilities are."""


class OovCharge(_Options):
    """A word that the model doesn't know scores less than `<unk>` does: exactly one of the two."""

    penalty: Annotated[float, Field(ge=-1e6, le=1e6)] | None = None
    """Natural log, added for each such word: below 0 it makes unknown words less likely."""
    spread: Annotated[int, Field(ge=1, le=1_000_000_000)] | None = None
    """What `<unk>` has is shared out equally among so many words that the model doesn't know."""

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.penalty is None) == (self.spread is None):
            raise ValueError("must have exactly one of penalty and spread")
        return self

    @property
    def logprob(self) -> float:
        """Natural log, added for each unknown word."""
        return self.penalty if self.penalty is not None else -math.log(self.spread or 1)


class TextOptions(_Options):
    """What becomes of a hypothesis before its words are scored. The answer has its text as it came."""

    case: Literal["as_is", "lower", "upper"] = "as_is"
    """For models whose words are written otherwise than the recogniser's. The pipeline asr lowers them anyway."""
    brackets: Literal["kept", "dropped"] = "kept"
    """dropped: `[noise]`, `<noise>`, `{breath}` and `(cough)` are no words; `<unk>` stays one."""
    fillers: Annotated[tuple[str, ...], Field(max_length=1_000)] = ()
    """Filled pauses that are left out: ["uh", "um"]; compared once `case` has changed both."""
    fragments: Literal["kept", "dropped"] = "kept"
    """dropped: words broken off, which end in a hyphen, are left out."""
    hyphens: Literal["kept", "parted"] = "kept"
    """parted: `twenty-one` is two words. The pipeline asr parts them anyway."""


class RescoreOptions(_Options):
    """total = am_scale · am_score + lm_weight · lm_logprob + word_insertion_penalty · words."""

    am_scale: Weight = 1.0
    """Of the acoustic scores, which count as 0 where a list has none."""
    lm_weight: Weight = 1.0
    """Of the language model's natural-log probability: the neural one's, or the interpolated one's."""
    word_insertion_penalty: Weight = 0.0
    """Added for each word: above 0 it favours longer hypotheses."""
    interpolation: Interpolation | None = None
    """With an n-gram model; none: the neural model alone."""
    oov: Literal["unknown"] | OovCharge = "unknown"
    """What a word that the model doesn't know scores: what `<unk>` does ("unknown"), or less."""
    text: TextOptions = TextOptions()
    context: Annotated[str, Field(max_length=1_000_000)] = ""
    """Text that came before; read as the model was trained to look back (`history`)."""
    session: str | None = None
    """Goes on after the utterances that this session has heard, instead of a context."""
    sum: Literal["exact", "skipped"] = "exact"
    """skipped: scores aren't divided by their sum over the vocabulary, many times faster; for a model that was trained
    so that it needn't be (objective self_normalized) alone."""
    tokens: bool = False
    """Tell what each word of each hypothesis scores."""
    order: Literal["kept", "sorted"] = "kept"
    """Hypotheses as they came, or best first."""

    @property
    def oov_logprob(self) -> float:
        """Natural log, added for each word that the model doesn't know."""
        return self.oov.logprob if isinstance(self.oov, OovCharge) else 0.0
