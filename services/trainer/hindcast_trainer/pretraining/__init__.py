"""THE LIST: the kinds of pre-training. A new one is a file with its specification and algorithm, and a name here."""

from hindcast_trainer.pretraining.bilstm_domain import BilstmDomain
from hindcast_trainer.pretraining.bilstm_lm import BilstmLm
from hindcast_trainer.pretraining.concatenation import Concatenation
from hindcast_trainer.pretraining.lsa import Lsa
from hindcast_trainer.pretraining.word2vec import Word2Vec

Pretraining = Word2Vec | Lsa | BilstmLm | BilstmDomain | Concatenation
