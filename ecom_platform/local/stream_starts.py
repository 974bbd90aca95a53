"""Whether the stream that Dagster starts can work at all: a fault that will not mend itself ends the waiting for it."""

from __future__ import annotations

from ecom_platform.errors import ConfigurationError, EcomError, UnavailableError
from ecom_platform.files import size_of, text_since
from ecom_platform.settings import Settings
from ecom_platform.streaming.starts import hopeless

LOG = "stream.log"
_ADVICE = "Everything is being stopped. `ecom doctor` tries the stream's Java; the log is {}."


class StreamStarts:
    """The starts of the stream from now on."""

    def __init__(self, settings: Settings) -> None:
        self._log = settings.logs / LOG
        self._said_before = size_of(self._log)

    def works(self) -> bool:
        """True as long as there is hope.

        Raises:
            ConfigurationError: it cannot start with these settings, or needs a person.
            UnavailableError: its last starts all failed in the same words, which are quoted.
        """
        failure = hopeless(text_since(self._log, self._said_before, most_bytes=10_000_000).splitlines())
        if failure is None:
            return True
        kind: type[EcomError] = ConfigurationError if failure.enough == 1 else UnavailableError
        times = "" if failure.enough == 1 else f"{failure.enough} starts in a row ended with the same words: "
        raise kind(f"The stream cannot start: {times}{failure.words} {_ADVICE.format(self._log)}")
