"""The base class of every error whose message is meant for a person.

Refusal                      something that cannot be done
├── WeightsError             weights that cannot be used
├── photo.decode.PhotoError  a file that is not a usable photo
├── …                        further classes in their rooms, for errors that a caller catches separately

The command line and the trainer of a job print only the message of a `Refusal`. Any other exception is a bug of this
program, and its traceback is shown.
"""

from __future__ import annotations


class Refusal(ValueError):
    """Something that cannot be done; the message is one sentence that tells a person what to do."""


class WeightsError(Refusal):
    """Weights that cannot be used; the message is one sentence that names the file and says what to do."""
