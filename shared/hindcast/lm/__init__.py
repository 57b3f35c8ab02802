"""Language models: what they are built from, how they are stored and how text is scored. THE LIST names them all."""

from hindcast.lm.lstm import LstmSpecification

AnySpecification = LstmSpecification
"""THE LIST: a union discriminated by `kind` as soon as it has a second member."""
