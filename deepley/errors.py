"""The one base of every sentence that is meant for a person.

Refusal                      what cannot be done, and what to do about it
├── WeightsError             weights that cannot be used
├── photo.decode.PhotoError  a file that is not a usable photo
├── …                        one class a room, where something is to be caught by itself

The command line and the trainer of a job print the message of a `Refusal` and nothing else. Any other exception is a
bug of ours, and keeps its traceback.
"""

from __future__ import annotations


class Refusal(ValueError):
    """Something that cannot be done; the message is one sentence, for a person, that says what to do."""


class WeightsError(Refusal):
    """Weights that cannot be used; the message is one sentence that names the file and what to do."""
