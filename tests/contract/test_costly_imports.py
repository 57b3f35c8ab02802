"""A process imports what every kind of job needs. What a single one needs, that one imports: seconds for each job."""

import subprocess
import sys

EVERYBODYS = ["hindcast_trainer.kinds", "hindcast_trainer.child", "hindcast_standalone.serve"]

LEARN_AND_READ = """
from hindcast.lm.lstm import LstmSpecification
from hindcast.lm.objectives import SampledSoftmax
from hindcast.lm.trainee import LanguageModelTrainee
from hindcast.nn.fitting import Plan, fit
from hindcast.text.corpus import EncodedText
from hindcast.text.vocabulary import Vocabulary

text = EncodedText.of([[["a", "b"], ["c"]]], Vocabulary.from_words(["a", "b", "c"]))
specification = LstmSpecification(vocabulary_size=5, input_size=4, hidden_size=4, dropout=0.5, tied={tied})
model = specification.build(seed=1)
options = dict(batch_size=2, bptt=5, seed=1, objective=SampledSoftmax(samples=2))
trainee = LanguageModelTrainee(model, text, text, "sentence", **options)
for step in fit(trainee, Plan(learning_rate=0.1, epochs=2, clip_norm=1.0)):
    pass
model.prepare_for_scoring()
specification.restore(dict(model.tensors()))
import sys
print(*sys.modules)
"""


def loaded(code):
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


def test_nobody_waits_for_libraries_of_another_kind_of_job():
    modules = loaded(f"import {', '.join(EVERYBODYS)}, sys; print(*sys.modules)")
    assert set(EVERYBODYS) <= modules
    assert {"sklearn", "gensim", "scipy.stats", "spacy"}.isdisjoint(modules)


def test_learning_and_opening_a_model_do_not_bring_in_torchs_compiler():
    for tied in (False, True):
        modules = loaded(LEARN_AND_READ.format(tied=tied))
        assert "hindcast.nn.fitting" in modules
        assert "torch._dynamo" not in modules
