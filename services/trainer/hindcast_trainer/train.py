"""Train a language model: sections 3.1 and 4 of the paper, with a learned input or on pre-trained embeddings."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import torch
from pydantic import ConfigDict, Field

from hindcast.errors import InvalidInput
from hindcast.json_model import JsonModel
from hindcast.lm.base import History
from hindcast.lm.bundle import Bundle
from hindcast.lm.lstm import LARGEST_SIZE, LstmSpecification
from hindcast.lm.trainee import LanguageModelTrainee
from hindcast.nn.embedding_table import Normalization
from hindcast.nn.fitting import Plan, fit
from hindcast.progress import Progress, relay
from hindcast.registry import ResourceType
from hindcast.text.corpus import CorpusReference, EncodedText, Text
from hindcast.text.pipeline import UNKNOWN
from hindcast.text.vocabulary import Vocabulary, VocabularySpec
from hindcast_trainer.held_out import HeldOutScores, SentenceScores, score_texts
from hindcast_trainer.input_table import InputTable
from hindcast_trainer.overlap import Overlap, overlap
from hindcast_trainer.references import Reference
from hindcast_trainer.texts import corpus_references, text_of, vocabulary_of, vocabulary_references
from hindcast_trainer.work import Produced, Work

Units = Annotated[int, Field(ge=1, le=LARGEST_SIZE)]


class _Part(JsonModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class LearnedInput(_Part):
    """The baseline: the words' vectors are learned with the rest of the network, from a random start."""

    type: Literal["learned"] = "learned"
    size: Units = 256
    """Of a word's vector."""
    trainable: ClassVar[bool] = True
    compression: ClassVar[None] = None


class TableInput(_Part):
    """The words' vectors come from a pre-trained embedding table."""

    type: Literal["table"] = "table"
    table: str = Field(min_length=1)
    """Its id or name."""
    normalization: Normalization = "none"
    """With statistics over all rows of the table. `mean_variance` divides by the variance, as the paper prints it."""
    trainable: bool = False
    """Whether training moves the vectors; the paper keeps them as they are."""
    compression: Units | None = None
    """Units of a linear layer, without activation, between vectors and LSTM; null: there is none. In the paper it helps
    domain embeddings and not word2vec's."""


class SoftmaxObjective(_Part):
    """Predict the next word by an exact softmax over the whole vocabulary."""

    type: Literal["softmax"] = "softmax"


class OptimizerSettings(_Part):
    """How the weights are found: by Adam. After an epoch without a better perplexity on `valid` the learning rate is
    halved; the best weights are kept."""

    learning_rate: float = Field(default=2e-3, gt=0, le=1)
    batch_size: int = Field(default=32, ge=1, le=4096)
    """Sentences or documents that are read side by side. For much less than a million words, fewer do better."""
    bptt: int = Field(default=35, ge=1, le=1000)
    """Words through which gradients flow back; the state is carried further."""
    epochs: int = Field(default=10, ge=1, le=1000)
    """At most."""
    patience: int | None = Field(default=2, ge=1, le=1000)
    """Stop after so many epochs in a row without a better perplexity on `valid`; null: never."""
    clip_norm: float | None = Field(default=5.0, gt=0)
    """Longest gradient, over all weights together, of a usual batch's mean loss per word; null: any length."""


class LanguageModelJob(_Part):
    """Train an LSTM language model."""

    kind: Literal["language_model"] = "language_model"
    result_type: ClassVar[ResourceType | None] = "model"

    train: CorpusReference
    """The text to learn."""
    valid: CorpusReference | None = None
    """Text that decides which epoch's weights are kept and when to stop. Without it all epochs are run."""
    test: CorpusReference | None = None
    """Text whose perplexity is reported."""
    vocabulary: VocabularySpec = VocabularySpec(size=25_000)
    history: History = "sentence"
    """Where the state is reset: at the start of each sentence, or of each document."""
    input: Annotated[LearnedInput | TableInput, Field(discriminator="type")] = LearnedInput()
    hidden_size: Units = 128
    """Of each LSTM layer."""
    layers: int = Field(default=1, ge=1, le=8)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Share of the units dropped after each layer, in training."""
    objective: SoftmaxObjective = SoftmaxObjective()
    optimizer: OptimizerSettings = OptimizerSettings()
    seed: int = Field(default=1, ge=0, le=2**32 - 1)
    """Of the first weights, the order of the text and dropout. On one machine, equal seeds give equal models."""

    def references(self) -> Sequence[Reference]:
        """The corpora, the table, and what the vocabulary is the same as."""
        found = [each for role, corpus in self.texts.items() for each in corpus_references(role, corpus)]
        if isinstance(self.input, TableInput):
            found.append(Reference("input.table", ("table",), self.input.table))
        return [*found, *vocabulary_references(self.vocabulary)]

    @property
    def texts(self) -> Mapping[str, CorpusReference]:
        """Those of train, valid and test that are given."""
        texts = {"train": self.train, "valid": self.valid, "test": self.test}
        return {role: reference for role, reference in texts.items() if reference is not None}

    def network(self, *, vocabulary_size: int, input_size: int) -> LstmSpecification:
        """The sizes of its layers."""
        return LstmSpecification(
            vocabulary_size=vocabulary_size,
            input_size=input_size,
            input_trainable=self.input.trainable,
            compression=self.input.compression,
            hidden_size=self.hidden_size,
            layers=self.layers,
            dropout=self.dropout,
        )

    def run(self, work: Work) -> Produced:
        """Train it."""
        return train(self, work)


def train(spec: LanguageModelJob, work: Work) -> Produced:
    """The recipe. InvalidInput where the texts don't suit each other or what is asked."""
    torch.set_num_threads(work.threads)
    texts = _texts(spec, work)
    vocabulary = vocabulary_of(work, spec.vocabulary, texts["train"].counts())
    table = None
    if isinstance(spec.input, TableInput):
        table = InputTable.look_up(spec.input.table, vocabulary, spec.input.normalization, work.tables)
        input_size, rows_VD = table.size, torch.from_numpy(table.rows_VD)
    else:
        input_size, rows_VD = spec.input.size, None

    network = spec.network(vocabulary_size=len(vocabulary), input_size=input_size)
    model = network.build(seed=spec.seed, input_VD=rows_VD)
    encoded = {role: text.encoded(vocabulary) for role, text in texts.items()}
    trainee = LanguageModelTrainee(
        module=model,
        train=encoded["train"],
        valid=encoded.get("valid"),
        history=spec.history,
        batch_size=spec.optimizer.batch_size,
        bptt=spec.optimizer.bptt,
        seed=spec.seed,
    )
    work.log(f"{len(vocabulary):,} words, {len(trainee.train):,} tokens to learn")
    metrics, scores = work.run(_fit_and_evaluate(spec, trainee, encoded, checkpoint=work.checkpoint))
    data = {role: _described(spec.texts[role], text, vocabulary, work) for role, text in texts.items()}
    held_out = HeldOutScores.chosen(scores, spec.texts)
    shared = None
    if held_out:
        metrics["oov_rate"] = data[held_out.role]["oov_rate"]
        shared = _overlap(texts[held_out.role], texts["train"], work)
        data[held_out.role]["overlap"] = {"n": shared.n, "share": shared.share}

    bundle = Bundle(
        specification=network,
        model=model,
        vocabulary=vocabulary,
        pipeline=texts["train"].pipeline,
        history=spec.history,
        card={
            "spec": spec.model_dump(mode="json"),
            "data": data,
            "lineage": _lineage(spec),
            "metrics": metrics,
            "table": table and table.coverage(texts["train"].counts()),
            "log_base": "e",
            "warnings": _warnings(spec, texts["train"], shared, work),
        },
    )
    folder = work.scratch / "model"
    folder.mkdir()
    bundle.save(folder)
    if held_out:
        held_out.save(folder)
    return Produced(folder, facts=bundle.facts(), metrics=metrics)


def _texts(spec: LanguageModelJob, work: Work) -> Mapping[str, Text]:
    """Train, valid and test text, as far as they are given: all of one pipeline, and enough to fill a batch."""
    texts = {role: text_of(work, reference, field=role) for role, reference in spec.texts.items()}
    pipeline = texts["train"].pipeline
    for role, text in texts.items():
        if text.pipeline != pipeline:
            raise InvalidInput.field(role, f"has the pipeline {text.pipeline}, but the train text has {pipeline}")
    if texts["train"].sentences < spec.optimizer.batch_size:
        raise InvalidInput.field(
            "train",
            f"is too small a text: its {texts['train'].sentences} sentences can't fill a batch of "
            f"{spec.optimizer.batch_size} (optimizer.batch_size)",
        )
    return texts


def _fit_and_evaluate(
    spec: LanguageModelJob,
    trainee: LanguageModelTrainee,
    encoded: Mapping[str, EncodedText],
    *,
    checkpoint: Path | None,
) -> Generator[Progress, None, tuple[dict[str, float], dict[str, SentenceScores]]]:
    """Train, then score valid and test text exactly: the figures of the model, and the scores of each text."""
    plan = Plan(
        learning_rate=spec.optimizer.learning_rate,
        epochs=spec.optimizer.epochs,
        patience=spec.optimizer.patience,
        clip_norm=spec.optimizer.clip_norm,
        seed=spec.seed,
    )
    held_out = {role: text for role, text in encoded.items() if role != "train"}
    to_learn, to_score = plan.epochs * trainee.tokens_per_epoch, sum(len(text) for text in held_out.values())
    learning = fit(trainee, plan, checkpoint=checkpoint)
    result = yield from relay(learning, lambda progress: replace(progress, total=to_learn + to_score))
    metrics = {
        "train_perplexity": result.train_perplexity,
        "epochs": float(result.epochs),
        "best_epoch": float(result.best_epoch),
        "tokens_per_second": result.tokens_per_second,
        "parameters": float(sum(weight.numel() for weight in trainee.module.parameters() if weight.requires_grad)),
    }
    trainee.module.prepare_for_scoring()
    scoring = score_texts(trainee.module, held_out, history=trainee.history)
    scores = yield from relay(
        scoring, lambda progress: replace(progress, done=to_learn + progress.done, total=to_learn + to_score)
    )
    metrics |= {f"{role}_perplexity": each.perplexity for role, each in scores.items()}
    return metrics, scores


def _overlap(held_out: Text, train: Text, work: Work) -> Overlap:
    """It takes moments: as progress it would only make the training's look as if it had begun anew."""
    return work.run(relay(overlap(held_out, [train]), lambda progress: replace(progress, done=progress.total)))


def _described(reference: CorpusReference, text: Text, vocabulary: Vocabulary, work: Work) -> dict[str, Any]:
    """What a model's card says of a text."""
    counts = text.counts()
    unknown = sum(count for word, count in counts.items() if word == UNKNOWN or word not in vocabulary)
    return {
        "corpora": [{"id": id, "name": work.resource(id).name} for id in reference.corpora],
        "split": reference.split,
        "tokens": text.tokens,
        "words": text.words,
        "sentences": text.sentences,
        "oov_rate": unknown / max(1, text.words),
    }


def _lineage(spec: LanguageModelJob) -> dict[str, Any]:
    """Ids of all that the model was made from."""
    corpora = dict.fromkeys(id for reference in spec.texts.values() for id in reference.corpora)
    table = spec.input.table if isinstance(spec.input, TableInput) else None
    return {"corpora": list(corpora), "table": table, "vocabulary": spec.vocabulary.same_as}


def _warnings(spec: LanguageModelJob, text: Text, shared: Overlap | None, work: Work) -> list[str]:
    """What to mind when the model's figures are read."""
    warnings = [shared.told("the train text")] if shared and shared.notable else []
    if isinstance(spec.input, TableInput):
        pipeline = work.resource(spec.input.table).facts.get("pipeline")
        if pipeline is not None and pipeline != text.pipeline:
            warnings.append(
                f"The table was made from text of the pipeline {pipeline}, the model reads {text.pipeline}."
            )
    return warnings
