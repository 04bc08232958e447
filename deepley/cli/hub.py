"""The commands `publish` and `space`: publish a release, and the Space with the page, on the Hugging Face Hub."""

from __future__ import annotations

import argparse
from pathlib import Path

from deepley.cli.parsing import Commands
from deepley.config import ROOT


def add(added: Commands) -> None:
    """Adds `publish` and `space` to the parser."""
    publish = added.add_parser("publish", help="publish a release on the Hugging Face Hub")
    publish.add_argument("release", type=Path, metavar="RELEASE", help="a release folder")
    publish.add_argument("--repo", required=True, metavar="OWNER/NAME", help="repository; created, private, if missing")
    publish.add_argument("--public", action="store_true", help="create the repository as a public one")
    publish.set_defaults(run=_publish)

    space = added.add_parser("space", help="the Hugging Face Space that space.yaml describes")
    steps = space.add_subparsers(dest="action", required=True, metavar="ACTION")
    steps.add_parser("render", help="write README's front matter from space.yaml")
    steps.add_parser("check", help="list what is wrong with space.yaml")
    steps.add_parser("deploy", help="create or update the Space").add_argument("repo", metavar="OWNER/NAME")
    space.set_defaults(run=_space)


def _publish(options: argparse.Namespace) -> int:
    """Publishes a release on the Hub."""
    from huggingface_hub import get_token

    from deepley.hub.client import api
    from deepley.hub.publish import publish

    print(publish(options.release, options.repo, api(get_token()), private=not options.public))
    return 0


def _space(options: argparse.Namespace) -> int:
    """Renders, checks or deploys the Space."""
    from huggingface_hub import get_token

    from deepley.host.files import write
    from deepley.hub import client, deploy
    from deepley.hub import space as spaces

    space = spaces.load(ROOT)
    if options.action == "render":
        write(ROOT / "README.md", spaces.render(space, (ROOT / "README.md").read_text()))
        return 0
    if options.action == "check":
        wrong = spaces.check(space, ROOT)
        print("\n".join(wrong) or "space.yaml, README.md and requirements.txt agree.")
        return int(bool(wrong))
    for said in deploy.deploy(space, ROOT, options.repo, client.api(get_token())):
        print(said, flush=True)
    return 0
