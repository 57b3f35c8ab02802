"""Whether one choice of hypotheses is really better than another on the same utterances.

The interval is the paired bootstrap of M. Bisani and H. Ney (2004), "Bootstrap estimates for confidence intervals in
ASR performance evaluation", ICASSP: as many utterances as the set has are drawn with replacement, and both choices' WER
is taken of the same draw, so that what is hard for both cancels out.

The test is a matched-pairs test over utterances, after L. Gillick and S. Cox (1989), "Some statistical issues in the
comparison of speech recognition algorithms", ICASSP. Where they take the mean difference in errors for normally
distributed (which needs some fifty segments), its distribution is worked out here exactly: if neither choice is better,
each utterance's difference is as likely to have either sign. No random numbers, and good for few utterances too.

Both take utterances for independent. Those of one conversation are not quite: units may be whole conversations instead.

Shapes: U units (utterances, or whole conversations), B resamples, S possible sums.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from hindcast.bootstrap import RESAMPLES, SEED, Interval

Reals = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_BLOCK_CELLS = 1 << 22
"""Utterances that are drawn at a time."""


def by_group(values_U: Integers, groups: Sequence[str]) -> Integers:
    """Sums over the utterances of each group, in the order in which groups first appear."""
    number_of = {group: number for number, group in enumerate(dict.fromkeys(groups))}
    sums = np.zeros(len(number_of), dtype=np.int64)
    np.add.at(sums, [number_of[group] for group in groups], values_U)
    return sums


def interval(differences_U: Integers, words_U: Integers, *, resamples: int = RESAMPLES, seed: int = SEED) -> Interval:
    """Of the difference in WER, in percentage points: `differences_U` in errors, `words_U` of the reference."""
    return Interval.of(resample(differences_U, words_U, resamples=resamples, seed=seed))


def resample(differences_U: Integers, words_U: Integers, *, resamples: int = RESAMPLES, seed: int = SEED) -> Reals:
    """[B] differences in WER, in percentage points, of resampled units. Resamples that happen to have no words at all
    are left out."""
    random = np.random.default_rng(seed)
    units = len(words_U)
    block = max(1, _BLOCK_CELLS // units)
    drawn_B = []
    for start in range(0, resamples, block):
        drawn_BU = random.integers(0, units, (min(block, resamples - start), units))
        sums_B, words_B = differences_U[drawn_BU].sum(axis=1), words_U[drawn_BU].sum(axis=1)
        drawn_B.append(100 * sums_B[words_B > 0] / words_B[words_B > 0])
    return np.concatenate(drawn_B)


def matched_pairs(differences_U: Integers) -> float:
    """p, two-sided: how probable it is that random signs sum up at least so far from 0 as the differences do.

    1 where nothing differs. Right to about 1e-12.
    """
    sizes, counts = np.unique(np.abs(differences_U[differences_U != 0]), return_counts=True)
    if not sizes.size:
        return 1.0
    reach = int(sizes @ counts)
    probability_S = _signed_sums(sizes, counts, reach)
    sums_S = np.arange(-reach, reach + 1)
    p = probability_S[np.abs(sums_S) >= abs(int(differences_U.sum()))].sum()
    rarest = 2.0 ** max(1 - int(counts.sum()), -1000)  # both extremes; where rounding would say even less
    return float(np.clip(p, rarest, 1.0))


def _signed_sums(sizes: Integers, counts: Integers, reach: int) -> Reals:
    """[2 · reach + 1] probabilities of all sums from -reach to reach.

    A difference d with a random sign has the characteristic function cos(d t); that of the sum is their product.
    """
    points = 2 * reach + 1
    angles_S = 2 * np.pi * np.arange(points) / points
    product_S = np.ones(points)
    for size, count in zip(sizes, counts, strict=True):
        product_S = product_S * np.cos(size * angles_S) ** count
    sums_S: Reals = np.fft.fftshift(np.fft.ifft(product_S).real)
    return np.clip(sums_S, 0, None)
