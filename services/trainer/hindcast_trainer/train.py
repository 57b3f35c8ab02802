"""Train a language model: sections 3.1 and 4 of the paper, with a learned input or on pre-trained embeddings."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import torch
from pydantic import Field, ValidationInfo, field_validator

from hindcast.errors import InvalidInput
from hindcast.lm.auxiliary import DomainTask, TextDomains
from hindcast.lm.base import History
from hindcast.lm.bundle import Bundle
from hindcast.lm.evaluation import normalization
from hindcast.lm.lstm import LstmLanguageModel, LstmSpecification
from hindcast.lm.objectives import Objective, SelfNormalized, Softmax
from hindcast.lm.trainee import LanguageModelTrainee
from hindcast.nn.device import torch_device
from hindcast.nn.fitting import Plan, fit, losses_of
from hindcast.progress import Progress, relay
from hindcast.registry import ResourceType
from hindcast.text.corpus import CorpusReference, EncodedText, Text
from hindcast.text.pipeline import END, UNKNOWN, PipelineName, pipeline
from hindcast.text.vocabulary import Vocabulary, VocabularySpec
from hindcast_trainer.assignment import DomainAssignment
from hindcast_trainer.held_out import HeldOutScores, SentenceScores, score_texts
from hindcast_trainer.input_table import InputTable
from hindcast_trainer.labels import UnitLabels, domain_references
from hindcast_trainer.lm_settings import (
    AuxiliarySettings,
    LearnedInput,
    OptimizerSettings,
    SpecificationPart,
    TableInput,
    Units,
)
from hindcast_trainer.model_card import described
from hindcast_trainer.overlap import Overlap, overlap
from hindcast_trainer.references import Reference
from hindcast_trainer.texts import corpus_references, text_of, vocabulary_of, vocabulary_references
from hindcast_trainer.work import Produced, Work

OF_THE_NETWORK = ("vocabulary", "input", "hidden_size", "layers", "tied")
"""Fields that a model whose training goes on (`init_from`) brings along."""


class LanguageModelJob(SpecificationPart):
    """Train an LSTM language model."""

    kind: Literal["language_model"] = "language_model"
    result_type: ClassVar[ResourceType | None] = "model"

    train: CorpusReference
    """The text to learn."""
    valid: CorpusReference | None = None
    """Text that decides which epoch's weights are kept and when to stop. Without it all epochs are run."""
    test: CorpusReference | None = None
    """Text whose perplexity is reported."""
    init_from: str | None = Field(default=None, min_length=1, max_length=200)
    """The id or name of a model whose training goes on, on this text. Its network and its vocabulary are kept: leave
    out `input`, `hidden_size`, `layers`, `tied` and `vocabulary`."""
    vocabulary: VocabularySpec = VocabularySpec(size=25_000)
    history: History = "sentence"
    """Where the state is reset: at the start of each sentence, or of each document."""
    input: Annotated[LearnedInput | TableInput, Field(discriminator="type")] = LearnedInput()
    hidden_size: Units = 128
    """Of each LSTM layer."""
    layers: int = Field(default=1, ge=1, le=8)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Share of the units dropped after each layer, in training."""
    tied: bool = False
    """Whether the vectors that words are read by also predict them. Where their size isn't `hidden_size`, a linear
    layer without bias brings the LSTM's state to it."""
    objective: Objective = Softmax()
    auxiliary: AuxiliarySettings | None = None
    optimizer: OptimizerSettings = OptimizerSettings()
    seed: int = Field(default=1, ge=0, le=2**32 - 1)
    """Of the first weights, the order of the text and dropout. On one machine, equal seeds give equal models."""

    def references(self) -> Sequence[Reference]:
        """The corpora, the table, domains, the model to go on from, and what the vocabulary is the same as."""
        found = [each for role, corpus in self.texts.items() for each in corpus_references(role, corpus)]
        if isinstance(self.input, TableInput):
            found.append(Reference("input.table", ("table",), self.input.table))
        if self.auxiliary is not None:
            found.extend(domain_references("auxiliary.domains", self.auxiliary.domains))
        if self.init_from is not None:
            found.append(Reference("init_from", ("model",), self.init_from))
        return [*found, *vocabulary_references(self.vocabulary)]

    @field_validator(*OF_THE_NETWORK)
    @classmethod
    def _left_to_the_model(cls, value: Any, info: ValidationInfo) -> Any:
        default = cls.model_fields[str(info.field_name)].default  # which a stored specification repeats
        if info.data.get("init_from") is not None and value != default:
            raise ValueError("must be left out beside init_from: the model brings its own")
        return value

    @property
    def texts(self) -> Mapping[str, CorpusReference]:
        """Those of train, valid and test that are given."""
        texts = {"train": self.train, "valid": self.valid, "test": self.test}
        return {role: reference for role, reference in texts.items() if reference is not None}

    def told(self) -> dict[str, Any]:
        """Itself, as JSON; of a model that goes on from another, without the defaults of what that one brings."""
        return self.model_dump(mode="json", exclude=set(OF_THE_NETWORK) if self.init_from else None)

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
            tied=self.tied,
            self_normalized=isinstance(self.objective, SelfNormalized),
        )

    def run(self, work: Work) -> Produced:
        """Train it."""
        return train(self, work)


def train(spec: LanguageModelJob, work: Work) -> Produced:
    """The recipe. InvalidInput where the texts don't suit each other or what is asked."""
    torch.set_num_threads(work.threads)
    texts = _texts(spec, work)
    counts = texts["train"].counts()
    start = _fresh(spec, counts, work) if spec.init_from is None else _adapted(spec, spec.init_from, texts, work)
    vocabulary, model = start.vocabulary, start.model
    encoded = {role: text.encoded(vocabulary) for role, text in texts.items()}
    trainee = LanguageModelTrainee(
        model=model,
        train=encoded["train"],
        valid=encoded.get("valid"),
        history=spec.history,
        batch_size=spec.optimizer.batch_size,
        bptt=spec.optimizer.bptt,
        seed=spec.seed,
        objective=spec.objective,
        auxiliary=_second_task(spec, encoded["train"], model.predicting_size, work),
    )
    trainee.module.to(torch_device(work.device))
    work.log(f"{len(vocabulary):,} words, {len(trainee.train):,} tokens to learn")
    metrics, scores = work.run(_fit_and_evaluate(spec, trainee, encoded, checkpoint=work.checkpoint))
    data = {role: described(spec.texts[role], text, vocabulary, work) for role, text in texts.items()}
    held_out = HeldOutScores.chosen(scores, spec.texts)
    shared = None
    if held_out:
        metrics["oov_rate"] = data[held_out.role]["oov_rate"]
        shared = _overlap(held_out.role, texts, work)
        data[held_out.role]["overlap"] = {"n": shared.n, "share": shared.share}

    bundle = Bundle(
        specification=model.specification,
        model=model,
        vocabulary=vocabulary,
        pipeline=texts["train"].pipeline,
        history=spec.history,
        card={
            "spec": spec.told(),
            "data": data,
            "lineage": _lineage(spec),
            "metrics": metrics,
            "table": start.table and start.table.coverage(counts),
            "auxiliary": trainee.auxiliary and trainee.auxiliary.facts(),
            "normalization": _normalization(spec, model, encoded),
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


@dataclass(frozen=True)
class _Start:
    """A network before it is trained, and the words that it knows."""

    model: LstmLanguageModel
    vocabulary: Vocabulary
    table: InputTable | None = None


def _fresh(spec: LanguageModelJob, counts: Mapping[str, int], work: Work) -> _Start:
    """A network of random weights, but for the vectors of a table."""
    vocabulary = vocabulary_of(work, spec.vocabulary, counts)
    if isinstance(spec.input, TableInput):
        table = InputTable.look_up(spec.input.table, vocabulary, spec.input.normalization, work.tables)
        network = spec.network(vocabulary_size=len(vocabulary), input_size=table.size)
        return _Start(network.build(seed=spec.seed, input_VD=torch.from_numpy(table.rows_VD)), vocabulary, table)
    network = spec.network(vocabulary_size=len(vocabulary), input_size=spec.input.size)
    return _Start(network.build(seed=spec.seed), vocabulary)


def _adapted(spec: LanguageModelJob, init_from: str, texts: Mapping[str, Text], work: Work) -> _Start:
    """A trained network with its weights as they are; what is of training alone follows the specification."""
    bundle = Bundle.open(work.folder(init_from))
    if bundle.pipeline != texts["train"].pipeline:
        raise InvalidInput.field(
            "init_from",
            f"reads text of the pipeline {bundle.pipeline}, but the train text has {texts['train'].pipeline}",
        )
    training = {"dropout": spec.dropout, "self_normalized": isinstance(spec.objective, SelfNormalized)}
    model = bundle.specification.model_copy(update=training).build(seed=spec.seed)
    model.load_state_dict(dict(bundle.model.tensors()))
    return _Start(model, bundle.vocabulary)


def _second_task(spec: LanguageModelJob, train: EncodedText, size: int, work: Work) -> DomainTask | None:
    """What is learned beside the words. InvalidInput where the domains don't suit the text, or don't tell it apart."""
    if spec.auxiliary is None:
        return None
    labels = UnitLabels.of(
        spec.auxiliary.domains,
        train,
        corpus=spec.train,
        find=lambda id: DomainAssignment.open(work.folder(id)),
        field="auxiliary.domains",
        corpus_field="train",
    )
    domains = TextDomains(train.unit_bounds(labels.unit)[1], labels.labels_U, labels.names)
    return DomainTask(
        domains,
        size=size,
        weight=spec.auxiliary.weight,
        schedule=spec.auxiliary.schedule,
        epochs=spec.optimizer.epochs,
        seed=spec.seed,
    )


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
    result = yield from relay(
        learning,
        lambda progress: replace(
            progress, total=to_learn + to_score, metrics={**progress.metrics, **_auxiliary_metrics(trainee)}
        ),
    )
    metrics = {
        "train_perplexity": result.train_perplexity,
        "epochs": float(result.epochs),
        "best_epoch": float(result.best_epoch),
        "tokens_per_second": result.tokens_per_second,
        "parameters": float(sum(weight.numel() for weight in trainee.model.parameters() if weight.requires_grad)),
        **_auxiliary_metrics(trainee),
    }
    trainee.model.to("cpu").prepare_for_scoring()  # scores are the same, wherever a model was trained
    scoring = score_texts(trainee.model, held_out, history=trainee.history)
    scores = yield from relay(
        scoring, lambda progress: replace(progress, done=to_learn + progress.done, total=to_learn + to_score)
    )
    metrics |= {f"{role}_perplexity": each.perplexity for role, each in scores.items()}
    return metrics | losses_of(metrics), scores


def _overlap(role: str, texts: Mapping[str, Text], work: Work) -> Overlap:
    """It takes moments: as progress it would only make the training's look as if it had begun anew."""
    looking = overlap(texts[role], [texts["train"]], of=f"the {role} text")
    return work.run(relay(looking, lambda progress: replace(progress, done=progress.total)))


def _auxiliary_metrics(trainee: LanguageModelTrainee) -> dict[str, float]:
    accuracy = trainee.auxiliary.accuracy if trainee.auxiliary else None
    return {} if accuracy is None else {"domain_accuracy": accuracy}


def _normalization(
    spec: LanguageModelJob, model: LstmLanguageModel, encoded: Mapping[str, EncodedText]
) -> dict[str, float] | None:
    """How far log Z strays from 0, where it was to stay there: on text that wasn't learned, if there is any."""
    if not isinstance(spec.objective, SelfNormalized):
        return None
    return normalization(model, encoded.get("valid") or encoded.get("test") or encoded["train"], history=spec.history)


def _lineage(spec: LanguageModelJob) -> dict[str, Any]:
    """Ids of all that the model was made from."""
    corpora = dict.fromkeys(id for reference in spec.texts.values() for id in reference.corpora)
    table = spec.input.table if isinstance(spec.input, TableInput) else None
    lineage = {"corpora": list(corpora), "table": table, "vocabulary": spec.vocabulary.same_as}
    domains = spec.auxiliary.domains if spec.auxiliary else None
    return lineage | {"domains": domains, "init_from": spec.init_from}


def _warnings(spec: LanguageModelJob, text: Text, shared: Overlap | None, work: Work) -> list[str]:
    """What to mind when the model's figures are read."""
    warnings = [shared.told("the train text")] if shared and shared.notable else []
    if isinstance(spec.input, TableInput):
        pipeline = work.resource(spec.input.table).facts.get("pipeline")
        if pipeline is not None and pipeline != text.pipeline:
            warnings.append(
                f"The table was made from text of the pipeline {pipeline}, the model reads {text.pipeline}."
            )
    return [*warnings, *_unreachable(spec.vocabulary.words or (), text.pipeline)]


def _unreachable(words: Sequence[str], pipeline_name: PipelineName) -> list[str]:
    """Words of a recogniser's lexicon that no text can have, for the pipeline writes them otherwise."""
    reading = pipeline(pipeline_name)
    lost = [word for word in words if word not in (UNKNOWN, END) and reading.words(word) != [word]]
    if not lost:
        return []
    examples = ", ".join(f"{word} is read as {' '.join(reading.words(word)) or 'nothing'}" for word in lost[:3])
    return [
        f"{len(lost):,} of the vocabulary's {len(words):,} words can't occur in text of the pipeline {pipeline_name} "
        f"({examples}): they will never be predicted well, nor found in what is scored."
    ]
