"""From a question to its answer: which model, which words, how much of it is told. Free of HTTP."""

import math
from collections.abc import Sequence
from typing import Any

from hindcast.errors import FieldError, InvalidInput, NotFound
from hindcast.lm.bundle import Bundle
from hindcast.registry import Resource
from hindcast.text.vocabulary import UNKNOWN_ID
from hindcast_scorer.models import Models, ServedModel
from hindcast_scorer.schemas import (
    MAX_CHARACTERS,
    MAX_CORPUS_TOKENS,
    ContextRequest,
    Detail,
    LikelyWord,
    ModelRanks,
    NextAnswer,
    NextRequest,
    PerplexityAnswer,
    PerplexityRequest,
    Prediction,
    RankAnswer,
    RankedWord,
    RankManyAnswer,
    RankManyRequest,
    RankRequest,
    ScoredSentence,
    ScoredText,
    ScoredToken,
    VocabularyFacts,
)
from hindcast_scorer.scoring import Guess, NextWord, Tally, TextScores, score_stored, score_texts, token_of
from hindcast_scorer.srilm_text import MEDIA_TYPE, srilm_text


def perplexity(models: Models, reference: str, asked: PerplexityRequest) -> PerplexityAnswer:
    """Score texts or a stored corpus."""
    _check(asked)
    bundle = models.open(models.get(reference))
    texts: list[ScoredText] = []
    if asked.corpus is not None:
        stored = models.text(asked.corpus, field="corpus")
        if stored.tokens > MAX_CORPUS_TOKENS:
            limit = f"{stored.tokens:,} tokens are more than the {MAX_CORPUS_TOKENS:,} that one request may score"
            raise InvalidInput.field("corpus", f"{limit}: set limit_tokens")
        tally = score_stored(bundle, stored, history=asked.history)
    else:
        ranks = asked.detail == "token"
        scores = score_texts(bundle, asked.texts or [], history=asked.history, ranks=ranks, top=asked.top)
        tally = sum((text.tally for text in scores), Tally())
        texts = [_scored_text(text, asked.detail) for text in scores]
    return PerplexityAnswer(
        **_figures(tally),
        tokens=tally.tokens,
        sentences=tally.sentences,
        vocabulary=VocabularyFacts(size=len(bundle.vocabulary), sha256=bundle.vocabulary.sha256),
        history=asked.history or bundle.history,
        texts=texts,
    )


def perplexity_as_srilm(models: Models, reference: str, asked: PerplexityRequest) -> str:
    """Score texts, and tell it as SRILM does, token by token whatever `detail` says."""
    _check(asked)
    if asked.texts is None:
        raise InvalidInput.field("corpus", f"must be texts for {MEDIA_TYPE}: a corpus is not told token by token")
    if asked.top:
        raise InvalidInput.field("top", f"must be 0 for {MEDIA_TYPE}, which has no place for predictions")
    bundle = models.open(models.get(reference))
    scores = score_texts(bundle, asked.texts, history=asked.history)
    return srilm_text(scores, history=asked.history or bundle.history)


def next_words(models: Models, reference: str, asked: NextRequest) -> NextAnswer:
    """The most probable next words."""
    served = models.serve(models.get(reference))
    size = len(served.bundle.vocabulary)
    if asked.k > size:
        raise InvalidInput.field("k", f"must be at most {size}, the size of the vocabulary")
    follows = _follows(served, asked)
    predictions = [
        Prediction(word=place.word, probability=place.probability, logprob=place.logprob, rank=place.rank)
        for place in follows.most_probable(asked.k)
    ]
    return NextAnswer(predictions=predictions, vocabulary_size=size)


def rank(models: Models, reference: str, asked: RankRequest) -> RankAnswer:
    """Where words stand among all that could come next."""
    served = models.serve(models.get(reference))
    return RankAnswer(ranks=_ranks(served, asked), vocabulary_size=len(served.bundle.vocabulary))


def rank_by_many(models: Models, asked: RankManyRequest) -> RankManyAnswer:
    """Where words stand by each of several models, and what speaks against comparing that."""
    found = [_find(models, reference, field=f"models.{number}") for number, reference in enumerate(asked.models)]
    opened = [models.serve(model) for model in found]
    answers = [
        ModelRanks(
            model=model.id,
            name=model.name,
            label=model.label,
            ranks=_ranks(served, asked),
            vocabulary_size=len(served.bundle.vocabulary),
            history=asked.history or served.bundle.history,
        )
        for model, served in zip(found, opened, strict=True)
    ]
    return RankManyAnswer(models=answers, warnings=_warnings(found, [served.bundle for served in opened], asked))


def _check(asked: PerplexityRequest) -> None:
    if (asked.texts is None) == (asked.corpus is None):
        message = "exactly one of texts and corpus must be there"
        raise InvalidInput(message, errors=[FieldError(field, message) for field in ("texts", "corpus")])
    if asked.corpus is not None and asked.detail != "none":
        raise InvalidInput.field("detail", "must be none for a corpus: its texts are not told one by one")
    if asked.top and asked.detail != "token":
        raise InvalidInput.field("top", f"needs detail token, not {asked.detail}")
    characters = sum(map(len, asked.texts or ()))
    if characters > MAX_CHARACTERS:
        raise InvalidInput.field(
            "texts",
            f"{characters:,} characters are more than the {MAX_CHARACTERS:,} that one request may hold: send several, "
            "or upload the text as a corpus",
        )


def _find(models: Models, reference: str, *, field: str) -> Resource:
    try:
        return models.get(reference)
    except NotFound as error:
        raise NotFound(f"{field}: {error.detail}", errors=[FieldError(field, error.detail)]) from error


def _figures(tally: Tally) -> dict[str, Any]:
    return {
        "logprob": tally.logprob,
        "perplexity": tally.perplexity,
        "perplexity_excluding_oov": tally.perplexity_excluding_oov,
        "perplexity_without_eos": tally.perplexity_without_eos,
        "words": tally.words,
        "oov": tally.oov,
        "oov_rate": tally.oov_rate,
    }


def _scored_text(text: TextScores, detail: Detail) -> ScoredText:
    tally = text.tally
    return ScoredText(
        **_figures(tally),
        token_count=tally.tokens,
        sentence_count=tally.sentences,
        sentences=[_scored_sentence(sentence) for sentence in text.sentences()] if detail != "none" else None,
        tokens=_scored_tokens(text) if detail == "token" else None,
    )


def _scored_sentence(tally: Tally) -> ScoredSentence:
    return ScoredSentence(logprob=tally.logprob, tokens=tally.tokens, oov=tally.oov, perplexity=tally.perplexity)


def _scored_tokens(text: TextScores) -> list[ScoredToken]:
    assert text.ranks_N is not None, "ranks are asked for together with tokens"
    oov_N = text.ids_N == UNKNOWN_ID
    top_N: Sequence[Sequence[Guess] | None] = text.top_N or [None] * len(text.tokens)
    columns = zip(text.tokens, text.log_probs_N.tolist(), text.ranks_N.tolist(), oov_N.tolist(), top_N, strict=True)
    return [
        ScoredToken(token=token, logprob=logprob, rank=rank, oov=oov, top=None if top is None else _likely(top))
        for token, logprob, rank, oov, top in columns
    ]


def _likely(top: Sequence[Guess]) -> list[LikelyWord]:
    return [LikelyWord(word=guess.word, probability=math.exp(guess.logprob)) for guess in top]


def _ranks(served: ServedModel, asked: RankRequest) -> list[RankedWord]:
    tokens = [_token(served.bundle, word, field=f"words.{number}") for number, word in enumerate(asked.words)]
    follows = _follows(served, asked)
    return [_ranked_word(follows, word, token) for word, token in zip(asked.words, tokens, strict=True)]


def _follows(served: ServedModel, asked: ContextRequest) -> NextWord:
    return NextWord.after(
        served.bundle, asked.context, reader=served.reader, history=asked.history, complete=asked.complete
    )


def _token(bundle: Bundle, word: str, *, field: str) -> str:
    try:
        return token_of(bundle, word)
    except InvalidInput as error:
        raise InvalidInput.field(field, error.detail) from error


def _ranked_word(follows: NextWord, word: str, token: str) -> RankedWord:
    place = follows.place(token)
    return RankedWord(
        word=word,
        token=token,
        in_vocabulary=place is not None,
        rank=place.rank if place else None,
        probability=place.probability if place else None,
        logprob=place.logprob if place else None,
    )


def _warnings(models: Sequence[Resource], bundles: Sequence[Bundle], asked: RankManyRequest) -> list[str]:
    """Why the answers of these models shouldn't be held against each other."""
    names = [model.called for model in models]
    warnings = []
    if len({bundle.vocabulary.sha256 for bundle in bundles}) > 1:
        sizes = _each(names, [f"{len(bundle.vocabulary):,} words" for bundle in bundles])
        warnings.append(f"The models have different vocabularies ({sizes}): each rank is among its own model's words.")
    if len({bundle.pipeline for bundle in bundles}) > 1:
        pipelines = _each(names, [bundle.pipeline for bundle in bundles])
        warnings.append(f"The models' pipelines split text differently ({pipelines}): they read different words.")
    if asked.history is None and len({bundle.history for bundle in bundles}) > 1:
        histories = _each(names, [bundle.history for bundle in bundles])
        warnings.append(f"The models look back differently far ({histories}): set history for all of them.")
    return warnings


def _each(names: Sequence[str], facts: Sequence[str]) -> str:
    return ", ".join(f"{name}: {fact}" for name, fact in zip(names, facts, strict=True))
