"""The Dockerfile, as far as it can be held to the rest without building it."""

import fnmatch
import json
import re
import subprocess
import sysconfig
import urllib.request
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def test_a_linter_has_nothing_to_say():
    linter = Path(sysconfig.get_path("scripts")) / "hadolint"
    said = subprocess.run([linter, ROOT / "Dockerfile"], capture_output=True, text=True)
    assert (said.returncode, said.stdout) == (0, "")


def test_it_runs_the_python_of_the_space_and_nobody_as_root():
    card = yaml.safe_load((ROOT / "space.yaml").read_text())["card"]
    assert f"FROM python:{card['python_version']}-slim" in DOCKERFILE
    (user,) = re.findall(r"^USER (\d+)$", DOCKERFILE, re.MULTILINE)
    assert int(user) > 0
    assert f"--uid {user} " in DOCKERFILE


@pytest.mark.parametrize("copied", re.findall(r"^COPY (\S+) ", DOCKERFILE, re.MULTILINE))
def test_what_it_copies_is_there_and_not_ignored(copied):
    assert (ROOT / copied).exists()
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    kept = [rule[1:] for rule in rules if rule.startswith("!")]
    assert rules[0] == "*"
    assert any(fnmatch.fnmatch(copied, pattern) for pattern in kept)


def test_what_app_py_needs_is_in_it():
    copied = set(re.findall(r"^COPY (\S+) ", DOCKERFILE, re.MULTILINE))
    assert {"requirements.txt", "app.py", "deepley", "weights"} <= copied


def test_its_health_check_asks_the_port_that_the_app_was_given(monkeypatch):
    check = json.loads(re.search(r"HEALTHCHECK.*?CMD (\[.*?\])\n", DOCKERFILE, re.DOTALL)[1])
    asked = []
    monkeypatch.setenv("GRADIO_SERVER_PORT", "8080")
    monkeypatch.setattr(urllib.request, "urlopen", lambda address, timeout: asked.append(address))
    exec(check[2], {})
    assert check[:2] == ["python", "-c"]
    assert asked == ["http://127.0.0.1:8080/health"]  # see tests/ui/server/test_api.py
