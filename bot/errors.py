"""Every error of Threadpaint; ``str(error)`` is safe to post: what happened, what to do.

ThreadpaintError
+-- UsageError             what a person typed or sent cannot be used; nothing was called
|   +-- MaterialError      ... an attachment
+-- LimitError             a quota or a budget is used up; nothing was called
+-- ModelError             a call to the image model brought no answer
|   +-- ServiceBusy        not taken: overloaded, rate limited, unreachable; never billed
|   +-- QuotaGone          not taken: the provider's quota for the day, or none at all
|   +-- CallRejected       not taken: the request is wrong, and will be wrong again
|   |   +-- SignatureRefused   ... because of a thought signature: rebuild and call once more
|   |   +-- RequestTooLarge    ... because of its size: shorten and call once more
|   +-- KeyRejected        the API key is wrong; only the operator can help
|   +-- ModelGone          the model id does not exist (any more); names one that does
|   +-- OutcomeUnknown     the answer broke off or cannot be read; may be billed
+-- DeliveryError          the platform did not take the answer
+-- SettingsError          the operator's settings are wrong (exit code 78)
+-- AlreadyRunning         another process owns the data folder (exit code 75)
+-- DependencyDown         the database or a folder cannot be used (exit code 69)
+-- NotFound               no such turn or thread
+-- Fenced                 another attempt owns the turn now; ends a worker, never shown
"""

from __future__ import annotations


class ThreadpaintError(Exception):
    """The root. retry: whether the same request may work later, so a Retry button makes sense."""

    retry = False


class UsageError(ThreadpaintError):
    """What a person typed or sent cannot be used; nothing was called, nothing is charged."""


class MaterialError(UsageError):
    """An attachment cannot be used."""


class LimitError(ThreadpaintError):
    """A quota or a budget is used up; nothing was called."""

    retry = True


class ModelError(ThreadpaintError):
    """A call to the image model brought no answer."""


class ServiceBusy(ModelError):
    """The service did not take the call; never billed."""

    retry = True


class QuotaGone(ModelError):
    """The provider's quota for the day is gone, or the key has none for this model."""

    retry = True


class CallRejected(ModelError):
    """The service refused the request as wrong."""


class SignatureRefused(CallRejected):
    """A thought signature was refused: send the pictures as user material instead."""


class RequestTooLarge(CallRejected):
    """The request is over the service's size limit."""


class KeyRejected(ModelError):
    """The API key is wrong; only the operator can help."""

    retry = True


class ModelGone(ModelError):
    """The model id does not exist (any more)."""


class OutcomeUnknown(ModelError):
    """The answer broke off or cannot be read; it may have been billed."""

    retry = True


class DeliveryError(ThreadpaintError):
    """The platform did not take the answer. final: trying again cannot help."""

    def __init__(self, message: str, *, final: bool = False) -> None:
        """Take the words for people and whether it is final."""
        super().__init__(message)
        self.final = final


class SettingsError(ThreadpaintError):
    """The operator's settings are wrong."""


class AlreadyRunning(ThreadpaintError):
    """Another process owns the data folder."""


class DependencyDown(ThreadpaintError):
    """The database or a folder cannot be used."""


class NotFound(ThreadpaintError):
    """No such turn or thread."""


class Fenced(ThreadpaintError):
    """Another attempt owns the turn now."""
