"""The page's HTML: Jinja2 templates with autoescape, so that no file name and no message is ever read as HTML."""

from __future__ import annotations

from typing import LiteralString

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

_PIECES = Environment(
    loader=PackageLoader("deepley", "ui/parts/templates"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=StrictUndefined,
)
_PIECES.filters["percent"] = "{:.2%}".format


def render(piece: str, **values: object) -> Markup:
    """A piece of the page.

    Args:
        piece: Name of a template in `templates/`, without its suffix.
        **values: Variables of the template. Only an already rendered piece is inserted as HTML.
    """
    return Markup(_PIECES.get_template(f"{piece}.html").render(values))


def fill(text: LiteralString, **values: object) -> str:
    """A text for `gr.Markdown`, which reads HTML too.

    Args:
        text: A text of this program with names in braces.
        **values: Values for those names; they are escaped.
    """
    return str(Markup(text).format(**values))
