"""The tree of econsim's errors, each with its default message and refusal code.

    EconsimError
    ├── Refused            the sender's fault: the request cannot be done
    │   ├── InvalidMessage     malformed, oversize, unknown version, unknown field
    │   ├── InvalidSubject     a subject outside the grammar
    │   ├── NotAllowed         an identity that does not match
    │   ├── NotFound           no such run, order, resource
    │   ├── Conflict           the same id with other content; a lost compare-and-set
    │   └── QuotaExceeded      a quota is used up; retryable if it has a next window
    ├── Unavailable        nobody's fault: not now; a retry may succeed
    ├── ProviderFailed     a provider of a language model did not answer a call
    ├── ToolCallFailed     a call of an outside tool got no result
    ├── RecordingDiffers   a run makes another call of a model than the recorded run that answers it
    ├── CorruptJournal     a ledger's journal does not add up; its ledger decides nothing more
    ├── RunFailed          a run cannot go on; it is closed with the error's text as its failure
    ├── CorruptLog         a run's log lacks a record or has an unreadable one
    ├── ScenarioError      a scenario file cannot be used: file, line, key, remedy
    │   └── InvalidExpectation an expectation names what there is not, or cannot be judged
    └── SetupError         this machine or server is not fit: port in use, server too old, no binary

Imports the standard library only. The docstring of a class is its default message, so it is written for the person who reads the
error. `code` is the refusal as a sentence in snake case and never changes: `schemas/refusals.toml` lists all codes.
"""

from __future__ import annotations

from typing import ClassVar, Final

SHOWN_MAX: Final = 60
"""Characters of a bad value that its error repeats."""


def quoted_value(text: str) -> str:
    """Return a bad value as its error repeats it: quoted and cut."""
    return repr(text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}…")


class EconsimError(Exception):
    """Something in econsim failed."""

    code: ClassVar[str] = "failed"
    retryable: bool = False

    def __init__(
        self, message: str = "", /, *, code: str = "", retry_after_ms: int | None = None, **details: object
    ) -> None:
        """Keep the message and its details; `code` overrides the class's code, `retry_after_ms` is the time to wait."""
        super().__init__(message or (type(self).__doc__ or "").strip())
        self.retry_after_ms = retry_after_ms
        self.error_code = code or self.code
        self.details = {key: str(value) for key, value in details.items()}


class Refused(EconsimError):
    """The request was refused."""

    code = "refused"


class InvalidMessage(Refused):
    """The message does not follow its schema; see `econsim catalog`."""

    code = "message_is_invalid"


class InvalidSubject(Refused):
    """The subject is outside the grammar `<domain>.<entity>.<action>.<run>[.<agent>]`."""

    code = "subject_is_invalid"


class NotAllowed(Refused):
    """The sender may not do this."""

    code = "sender_is_not_allowed"


class NotFound(Refused):
    """There is no such thing."""

    code = "not_found"


class Conflict(Refused):
    """The id was used before for something else."""

    code = "exists_with_different_fields"


class QuotaExceeded(Refused):
    """The agent used up one of its quotas."""

    code = "quota_is_exceeded"

    def __init__(
        self, message: str = "", /, *, code: str = "", retry_after_ms: int | None = None, **details: object
    ) -> None:
        """Keep the milliseconds until the next window; none for a quota that time does not refill."""
        super().__init__(message, code=code, retry_after_ms=retry_after_ms, **details)
        self.retryable = retry_after_ms is not None


class Unavailable(EconsimError):
    """The service is not available now; try again."""

    code = "service_is_unavailable"
    retryable = True


class ProviderFailed(EconsimError):
    """The provider of the model did not answer."""

    code = "provider_failed"

    def __init__(  # noqa: PLR0913 - a failed call has these parts
        self,
        message: str = "",
        /,
        *,
        code: str = "",
        input_tokens: int = 0,
        output_tokens: int = 0,
        is_transient: bool = False,
        receipt: str = "",
        price: int = 0,
    ) -> None:
        """Keep the tokens that the provider charges for all the same, and whether the same call may succeed at once.

        `receipt` and `price`, in micro-credits, are those of a call whose outcome is recorded.
        """
        super().__init__(message, code=code)
        self.details = {"receipt": receipt, "price": str(price)} if receipt else {}
        self.input_tokens = input_tokens
        self.output_tokens = output_tokens
        self.is_transient = is_transient
        self.retryable = is_transient


class ToolCallFailed(EconsimError):
    """The tool server did not answer the call."""

    code = "tool_server_failed"

    def __init__(
        self,
        message: str = "",
        /,
        *,
        code: str = "",
        ran: bool | None = None,
        retry_after_ms: int | None = None,
    ) -> None:
        """Keep whether the tool ran: false if it surely did not, none if that is unknown."""
        super().__init__(message, code=code, retry_after_ms=retry_after_ms)
        self.ran = ran


class RecordingDiffers(EconsimError):
    """The run makes another call of a model than the recorded run."""

    code = "answer_is_not_recorded"


class CorruptJournal(EconsimError):
    """The ledger's journal does not add up; `econsim ledger verify` names the first bad record."""

    code = "journal_is_corrupt"


class RunFailed(EconsimError):
    """The run cannot go on."""

    code = "run_cannot_go_on"


class CorruptLog(EconsimError):
    """The run's log is damaged; `econsim ledger verify` names what is missing or cannot be read."""

    code = "log_is_corrupt"


class ScenarioError(EconsimError):
    """The scenario file cannot be used."""

    code = "scenario_is_invalid"


class InvalidExpectation(ScenarioError):
    """The expectation cannot be judged."""

    code = "expectation_is_invalid"


class SetupError(EconsimError):
    """This machine or server is not fit to run econsim."""

    code = "setup_is_not_fit"
