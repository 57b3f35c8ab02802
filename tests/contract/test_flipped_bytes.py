"""Whatever byte of a packed bundle is flipped: it is refused as any wrong file is, with no stack trace."""

import pytest

from hindcast.errors import Corrupt, InvalidInput
from hindcast.lm.bundle import Bundle, pack, unpack
from hindcast.lm.lstm import LstmSpecification
from hindcast.text.vocabulary import Vocabulary


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    specification = LstmSpecification(vocabulary_size=5, input_size=6, compression=3, hidden_size=4, layers=2)
    model = specification.build(seed=1)
    model.prepare_for_scoring()
    folder = tmp_path_factory.mktemp("bundle")
    vocabulary = Vocabulary.from_words(["naïve", "hurricane", "relief"])
    Bundle(specification, model, vocabulary, "wikitext", "document", {}).save(folder)
    pack(folder, folder / "packed")
    return (folder / "packed").read_bytes()


@pytest.mark.parametrize("flip", [1, 4, 255])
def test_no_flipped_byte_goes_unseen(packed, tmp_path, flip):
    headers = [place for place in range(len(packed)) if packed[place : place + 2] == b"PK"]
    near_headers = [place for header in headers for place in range(header, min(header + 64, len(packed)))]
    for place in {*near_headers, *range(0, len(packed), 97)}:
        target = tmp_path / f"unpacked-{place}"
        target.mkdir()
        (tmp_path / "broken").write_bytes(packed[:place] + bytes([packed[place] ^ flip]) + packed[place + 1 :])
        with pytest.raises((Corrupt, InvalidInput)):
            unpack(tmp_path / "broken", target)
