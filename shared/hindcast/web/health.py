"""`python -m hindcast.web.health URL`: exit status 0 if the URL answers well. For containers without curl."""

import sys
import urllib.error
import urllib.request

ANSWER_SECONDS = 4


def main(url: str) -> int:
    """The exit status."""
    try:
        urllib.request.urlopen(url, timeout=ANSWER_SECONDS).close()
    except (OSError, urllib.error.HTTPError) as error:
        sys.stderr.write(f"{url}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
