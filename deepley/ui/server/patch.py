"""Replaces parts of Gradio's modules by name, where Gradio has no setting for what the page needs."""

from __future__ import annotations

from types import ModuleType


def replace(module: ModuleType, name: str, part: object) -> None:
    """Replaces one part of a module.

    Args:
        module: Module of Gradio.
        name: Name of the part.
        part: Its replacement.

    Raises:
        AttributeError: If the module has no such part, as in another version of Gradio.
    """
    getattr(module, name)
    setattr(module, name, part)
