"""THE LIST: the kinds of pre-training. A new one is a file here and a name in it."""

from hindcast_trainer.pretraining.word2vec import Word2Vec

Pretraining = Word2Vec
