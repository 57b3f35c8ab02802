"""What the tests of pages take for the same."""

from documented import same_form

BAR = (
    "job_1a is queued.\n\x1b[?25l\x1b[32m⠋\x1b[0m v  0%\n  queued\r\x1b[2K\x1b[1A\x1b[2K"
    "✓ v 100%\n  succeeded\n\x1b[?25hmade 3\n"
)


def test_what_a_bar_has_written_over_is_not_shown() -> None:
    assert same_form("job_2b is queued.\n✓ v 100%\n  succeeded\nmade 4\n", BAR)
    assert same_form("✓ v 100%\n  succeeded\nmade 4\n", BAR), "pages may leave out what came before"
    assert not same_form("job_2b is queued.\n⠋ v 0%\n  queued\n✓ v 100%\n  succeeded\nmade 4\n", BAR)
    assert not same_form("job_2b was queued.\n✓ v 100%\n  succeeded\nmade 4\n", BAR)
