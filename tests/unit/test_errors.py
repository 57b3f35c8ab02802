from hindcast.errors import FieldError, InvalidInput


def test_what_is_wrong_is_told_under_the_name_that_its_sender_knows() -> None:
    wrong = InvalidInput.field("train", "is no corpus").renamed(lambda field: f"lm.{field}")
    assert wrong.errors == (FieldError("lm.train", "is no corpus"),)
    assert wrong.detail == "lm.train: is no corpus"
    assert InvalidInput("A value is too large.").renamed(str.upper).detail == "A value is too large."
