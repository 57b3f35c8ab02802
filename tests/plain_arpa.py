"""An n-gram model by the book, to compare with: every n-gram of an ARPA file in a dict, backing off by hand."""

import math

import numpy as np


class PlainArpa:
    def __init__(self, text: str) -> None:
        self.probabilities: dict[tuple[str, ...], float] = {}
        self.back_offs: dict[tuple[str, ...], float] = {}
        self.order = 0
        for line in text.splitlines():
            if line.endswith("-grams:"):
                self.order = int(line[1])
            elif "\t" in line:
                probability, words, *back_off = line.split("\t")
                self.probabilities[tuple(words.split())] = float(probability)
                self.back_offs[tuple(words.split())] = float(back_off[0]) if back_off else 0.0

    def log10(self, history: tuple[str, ...], word: str) -> float:
        ngram = (*history, word)
        if ngram in self.probabilities:
            return self.probabilities[ngram]
        if not history:
            return -100.0  # no <unk>: KenLM's stand-in
        return self.back_offs.get(history, 0.0) + self.log10(history[1:], word)

    def log_probs(self, words):
        known = ["<s>", *(word if (word,) in self.probabilities else "<unk>" for word in words), "</s>"]
        return np.array(
            [
                self.log10(tuple(known[max(0, place - self.order + 1) : place]), known[place]) * math.log(10)
                for place in range(1, len(known))
            ]
        )

    @property
    def start(self):
        return ("<s>",)

    def step(self, state, word):
        known = word if (word,) in self.probabilities else "<unk>"
        return self.log10(state, known) * math.log(10), (*state, known)[-(self.order - 1) :]

    def can_score(self, word):
        return (word,) in self.probabilities or ("<unk>",) in self.probabilities
