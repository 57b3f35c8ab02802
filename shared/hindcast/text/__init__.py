"""Text: normalised, split into sentences and words by one pipeline for training and serving alike; vocabularies;
stored corpora and the batches that networks read. Pure: numpy and spaCy, no torch."""
