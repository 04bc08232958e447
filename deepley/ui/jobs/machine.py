"""Where a job runs: on this machine, or on one rented from Hugging Face Jobs, with its price before anything starts."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from deepley.hub import client
from deepley.jobs.job import JobError
from deepley.jobs.rented import huggingface
from deepley.jobs.rented.huggingface import Remote
from deepley.ui.jobs import account
from deepley.ui.parts.events import PRIVATE

HERE, THERE = "This machine", "Hugging Face Jobs"


@dataclass(frozen=True)
class Place:
    """The form's components; `inputs` go to `remote_of`."""

    where: gr.Radio
    flavor: gr.Dropdown
    hours: gr.Number

    @property
    def inputs(self) -> list:
        """In the order of `remote_of`'s first arguments."""
        return [self.where, self.flavor, self.hours]


def build(start: gr.Button) -> Place:
    """Adds the choice; `start` works once the price of what is chosen is known."""

    def choose(where: str, login: gr.OAuthToken | None) -> tuple:
        if where == HERE:
            return gr.update(visible=False), gr.update(visible=False), "", gr.update(interactive=True)
        hidden = gr.update(visible=False)
        try:
            found = huggingface.flavors(client.api(account.token(login)))
        except JobError as error:
            return hidden, hidden, f"**Not possible.** {error}", gr.update(interactive=False)
        except client.FAILURES as error:
            return hidden, hidden, f"**Not possible.** {client.sentence(error)}", gr.update(interactive=False)
        offers = [(f"{f.text}: ${f.per_hour:.2f} an hour", f"{f.name} {f.per_hour:.6f}") for f in found]
        chosen = next((value for _, value in offers if value.startswith("t4-small ")), offers[0][1])
        flavor = gr.update(choices=offers, value=chosen, visible=True)
        return flavor, gr.update(visible=True), _price(chosen, 2), gr.update(interactive=True)

    where = gr.Radio(
        [THERE] if account.on_space() else [HERE, THERE],
        value=None if account.on_space() else HERE,
        label="Where it runs",
        elem_id="where",
    )
    flavor = gr.Dropdown([], label="Machine", visible=False, elem_id="flavor")
    hours = gr.Number(2, label="Time limit in hours", minimum=0.1, maximum=48, visible=False, elem_id="hours")
    price = gr.Markdown(elem_id="price")
    where.input(choose, where, [flavor, hours, price, start], **PRIVATE)
    for changed in (flavor.input, hours.input):
        changed(_price, [flavor, hours], price, queue=False, **PRIVATE)
    return Place(where, flavor, hours)


def remote_of(where: str | None, flavor: str | None, hours: float | None, login: gr.OAuthToken | None) -> tuple:
    """The chosen place and the token that pays for it; (None, None) for this machine.

    Raises:
        JobError: If nothing is chosen, or there is no account.
        ValueError: If the time limit is out of range.
    """
    if where == HERE and not account.on_space():
        return None, None
    if where != THERE or not flavor:
        raise JobError("Choose where it runs first.")
    token = account.token(login)
    name, per_hour = flavor.split()
    return Remote(huggingface.account(token), name, float(hours or 0), float(per_hour)), token


def _price(flavor: str | None, hours: float | None) -> str:
    if not flavor or not hours:
        return ""
    per_hour = float(flavor.split()[1])
    return (
        f"**At most ${per_hour * hours:.2f}**, billed by the Hub to your account for the time that it runs. The "
        "pictures and the recipe go to a private repository of yours."
    )
