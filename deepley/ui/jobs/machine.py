"""The choice of a machine: this one, or one rented from Hugging Face Jobs, whose price is shown before the start."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr
from gradio.blocks import Block

from deepley.hub import client
from deepley.jobs.job import JobError, Remote
from deepley.jobs.rented import huggingface
from deepley.ui.jobs import account
from deepley.ui.parts.events import PRIVATE, Updates

HERE, THERE = "This machine", "Hugging Face Jobs"


@dataclass(frozen=True)
class Place:
    """The form's components and handlers.

    Attributes:
        where: This machine or a rented one.
        flavor: Kind of the rented machine, with its price.
        hours: Time limit on a rented machine.
        price: The most that the job can cost.
        timing: Button that estimates how long the job takes on this machine.
        start: Button that starts the job, once the price is known.
    """

    where: gr.Radio
    flavor: gr.Dropdown
    hours: gr.Number
    price: gr.Markdown
    timing: gr.Button
    start: gr.Button

    @property
    def inputs(self) -> list[Block]:
        """Inputs in the order of `remote_of`'s first arguments."""
        return [self.where, self.flavor, self.hours]

    def choose(self, where: str, login: gr.OAuthToken | None) -> Updates:
        """Shows the machines for rent and their prices, or hides them."""
        if where == HERE:
            return self._closed("", startable=True)
        try:
            found = huggingface.flavors(client.api(account.token(login)))
        except JobError as error:
            return self._closed(f"**Not possible.** {error}", startable=False)
        except client.FAILURES as error:
            return self._closed(f"**Not possible.** {client.sentence(error)}", startable=False)
        offers = [(f"{f.text}: ${f.per_hour:.2f} an hour", f"{f.name} {f.per_hour:.6f}") for f in found]
        chosen = next((value for _, value in offers if value.startswith("t4-small ")), offers[0][1])
        return {
            self.flavor: gr.update(choices=offers, value=chosen, visible=True),
            self.hours: gr.update(visible=True),
            self.price: highest_price(chosen, 2),
            self.start: gr.update(interactive=True),
        }

    def _closed(self, said: str, startable: bool) -> Updates:
        hidden = gr.update(visible=False)
        return {
            self.flavor: hidden,
            self.hours: hidden,
            self.price: said,
            self.start: gr.update(interactive=startable),
        }


def build() -> Place:
    """Adds the choice, and the buttons that need it."""
    where = gr.Radio(
        [THERE] if account.on_space() else [HERE, THERE],
        value=None if account.on_space() else HERE,
        label="Where it runs",
        elem_id="where",
    )
    flavor = gr.Dropdown([], label="Machine", visible=False, elem_id="flavor")
    hours = gr.Number(2, label="Time limit in hours", minimum=0.1, maximum=48, visible=False, elem_id="hours")
    price = gr.Markdown(elem_id="price")
    with gr.Row():
        timing = gr.Button("Estimate the time", elem_id="estimate", visible=not account.on_space())
        start = gr.Button("Start", variant="primary", elem_id="start")
    place = Place(where, flavor, hours, price, timing, start)
    where.input(place.choose, where, [flavor, hours, price, start], **PRIVATE)
    for changed in (flavor.input, hours.input):
        changed(highest_price, [flavor, hours], price, queue=False, **PRIVATE)
    return place


def remote_of(
    where: str | None, flavor: str | None, hours: float | None, login: gr.OAuthToken | None
) -> tuple[Remote, str] | None:
    """The chosen machine and the token that pays for it; None for this machine.

    Raises:
        JobError: If nothing is chosen, or there is no account.
        Refusal: If the time limit is out of range.
    """
    if where == HERE and not account.on_space():
        return None
    if where != THERE or not flavor:
        raise JobError("Choose where it runs first.")
    token = account.token(login)
    name, per_hour = flavor.split()
    return Remote(huggingface.account(token), name, float(hours or 0), float(per_hour)), token


def highest_price(flavor: str | None, hours: float | None) -> str:
    """Handler: the most that a job can cost, in a sentence."""
    if not flavor or not hours:
        return ""
    per_hour = float(flavor.split()[1])
    return (
        f"**At most ${per_hour * hours:.2f}**, billed by the Hub to your account for the time that it runs. The "
        "pictures and the recipe go to a private repository of yours."
    )
