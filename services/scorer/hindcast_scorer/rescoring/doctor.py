"""What is likely wrong with lists, before they are scored: the slips that spoil rescoring in silence."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from hindcast_scorer.rescoring.lists import Hypothesis, NBestList

CheckName = Literal[
    "ids_in_text",
    "case",
    "oov",
    "empty",
    "scores_missing",
    "scores_negated",
    "scores_base",
    "references",
    "repeated",
]
Severity = Literal["error", "warning"]

EXAMPLES = 5
_ID = re.compile(r"[\w.]*[_\-.]?\d{2,}[\w\-.]*|\S+[-_]\d+")
MOST_NATURAL_LOG_PER_WORD = 3.0
"""A language model's natural log per word is some -3 to -8 on speech; in base 10 it is 2.3 times smaller."""


@dataclass(frozen=True)
class Sign:
    """Something that was seen in lists."""

    check: CheckName
    severity: Severity
    message: str
    lists: Sequence[NBestList]
    """Where."""


def examine(
    lists: Sequence[NBestList],
    *,
    words_of: Callable[[str], Sequence[str]] | None = None,
    known: Callable[[str], bool] | None = None,
    most_oov: float = 10.0,
) -> list[Sign]:
    """Errors first. `words_of` and `known` are a model's; `most_oov` is in percent."""
    signs = [*_ids(lists), *_empty(lists), *_scores(lists), *_references(lists), *_repeated(lists)]
    if words_of is not None and known is not None:
        signs += _unknown(lists, words_of, known, most_oov)
    return sorted(signs, key=lambda sign: sign.severity != "error")


def _ids(lists: Sequence[NBestList]) -> Iterator[Sign]:
    """Every hypothesis of a list begins, or ends, with its id or with something that looks like one."""
    for place, index, has_id in (("begin", 0, _begins_with_id), ("end", -1, _ends_with_id)):
        found = [one for one in lists if has_id(one)]
        if found and len(found) * 2 >= len(lists):
            first = next(each.text.split()[index] for each in found[0].hypotheses if each.text.split())
            yield Sign(
                "ids_in_text",
                "error",
                f"Hypotheses {place} with what looks like an id ({first!r}): it would be scored as a word. Send it as "
                "`utterance`, and the words alone as `text`.",
                found,
            )


def _begins_with_id(one: NBestList) -> bool:
    firsts = [each.text.split()[0] for each in one.hypotheses if each.text.split()]
    if not firsts:
        return False
    same = all(first == one.utterance or first.startswith(one.utterance) for first in firsts)
    return same or all(_ID.fullmatch(first) and not first.isdecimal() for first in firsts)


def _ends_with_id(one: NBestList) -> bool:
    """In brackets, as NIST's trn files have it, or the utterance's own."""
    lasts = [each.text.split()[-1] for each in one.hypotheses if each.text.split()]
    return bool(lasts) and all(_is_last_id(last, one.utterance) for last in lasts)


def _is_last_id(word: str, utterance: str) -> bool:
    if word.startswith("(") and word.endswith(")"):
        inner = word[1:-1]
        return inner == utterance or _ID.fullmatch(inner) is not None
    return word == utterance and _ID.fullmatch(word) is not None and not word.isdecimal()


def _empty(lists: Sequence[NBestList]) -> Iterator[Sign]:
    emptiness = [{not each.text.strip() for each in one.hypotheses} for one in lists]
    nothing = [one for one, found in zip(lists, emptiness, strict=True) if found <= {True}]
    if nothing:
        yield Sign("empty", "error", f"{len(nothing):,} lists have no hypothesis with a word in it.", nothing)
    some = [one for one, found in zip(lists, emptiness, strict=True) if found == {True, False}]
    if some:
        yield Sign("empty", "warning", f"{len(some):,} lists have hypotheses without any word.", some)


def _scores(lists: Sequence[NBestList]) -> Iterator[Sign]:
    for name, score_of in (("am_score", _am_score), ("lm_score", _lm_score)):
        positive = [one for one in lists if any((score_of(each) or 0) > 0 for each in one.hypotheses)]
        if len(positive) * 2 > len(lists):
            yield Sign(
                "scores_negated",
                "error" if name == "lm_score" else "warning",
                f"{name} is above 0 in most lists: it looks like a cost. Log-probabilities are at most 0, and higher "
                "is better: send it negated.",
                positive,
            )
        partly = [one for one in lists if len({score_of(each) is None for each in one.hypotheses}) == 2]
        if partly:
            yield Sign(
                "scores_missing",
                "error",
                f"{name} is missing in some hypotheses of {len(partly):,} lists, where it would count as 0, the best.",
                partly,
            )
    yield from _base(lists)


def _base(lists: Sequence[NBestList]) -> Iterator[Sign]:
    scored = [(one, each) for one in lists for each in one.hypotheses if each.lm_score is not None and each.text]
    words = sum(len(each.text.split()) + 1 for _, each in scored)
    total = -sum(each.lm_score or 0.0 for _, each in scored)
    if words >= 20 and 0 < total / words < MOST_NATURAL_LOG_PER_WORD:
        yield Sign(
            "scores_base",
            "warning",
            f"lm_score is {-total / words:.2f} a word in the mean, little for natural logs (-3 to -8 on speech): is it "
            "in base 10? Multiply by 2.302585.",
            [one for one in lists if any(each.lm_score is not None and each.text for each in one.hypotheses)],
        )


def _references(lists: Sequence[NBestList]) -> Iterator[Sign]:
    without = [one for one in lists if one.reference is None]
    if without:
        many = "No list has a" if len(without) == len(lists) else f"{len(without):,} of {len(lists):,} lists have no"
        yield Sign("references", "warning", f"{many} reference: they can be scored, but not tuned on.", without)
    empty = [one for one in lists if one.reference is not None and not one.reference.strip()]
    if empty:
        yield Sign(
            "references",
            "warning",
            f"{len(empty):,} lists have a reference without any word: whatever was heard there counts as an error. "
            "Leave `reference` out where nobody knows it.",
            empty,
        )


def _repeated(lists: Sequence[NBestList]) -> Iterator[Sign]:
    seen: set[str] = set()
    repeated = [one for one in lists if one.utterance in seen or seen.add(one.utterance)]  # type: ignore[func-returns-value]
    if repeated:
        yield Sign("repeated", "warning", f"{len(repeated):,} lists have the id of an earlier one.", repeated)


def _unknown(
    lists: Sequence[NBestList],
    words_of: Callable[[str], Sequence[str]],
    known: Callable[[str], bool],
    most_oov: float,
) -> Iterator[Sign]:
    words = [word for one in lists for each in one.hypotheses for word in words_of(each.text)]
    unknown = [word for word in words if not known(word)]
    if not words or 100 * len(unknown) <= most_oov * len(words):
        return
    otherwise = [word for word in unknown if known(word.lower()) or known(word.upper()) or known(word.capitalize())]
    share = 100 * len(unknown) / len(words)
    some = ", ".join(list(dict.fromkeys(unknown))[:EXAMPLES])
    where = [one for one in lists if any(not known(word) for each in one.hypotheses for word in words_of(each.text))]
    if len(otherwise) * 2 > len(unknown):
        yield Sign(
            "case",
            "error",
            f"{share:.0f} % of the words are unknown to the model, most of them for their case ({some}): set "
            "options.text.case to that of its vocabulary.",
            where,
        )
    else:
        yield Sign(
            "oov",
            "warning",
            f"{share:.0f} % of the words are unknown to the model ({some}): its text is of another kind, or is written "
            "otherwise.",
            where,
        )


def _am_score(hypothesis: Hypothesis) -> float | None:
    return hypothesis.am_score


def _lm_score(hypothesis: Hypothesis) -> float | None:
    return hypothesis.lm_score
