"""The house: which room may import which."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MAY_IMPORT = {
    "photo": {"config", "photo"},
    "network": {"config", "network"},
    "verdict": {"config", "photo", "network", "verdict"},
    "training": {"config", "photo", "network", "verdict", "training"},
    "ui": {"config", "photo", "network", "verdict", "training", "ui"},
}


def _imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _modules(folder):
    return sorted((ROOT / "deepley" / folder).glob("*.py"))


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_arrows_only_point_down(room):
    for path in _modules(room):
        for name in _imports(path):
            parts = name.split(".")
            if parts[0] == "deepley" and len(parts) > 1:
                assert parts[1] in MAY_IMPORT[room], f"{path.name} imports {name}"
            if room == "training" and parts[:2] == ["deepley", "verdict"] and len(parts) > 2:
                assert parts[2] == "calibration", f"{path.name} imports {name}"


def test_the_page_alone_imports_gradio():
    for path in (ROOT / "deepley").rglob("*.py"):
        if path.parent.name != "ui":
            assert not any(name.split(".")[0] == "gradio" for name in _imports(path)), path


def test_training_and_model_run_on_any_keras_backend():
    for path in [*_modules("training"), ROOT / "deepley/network/model.py", ROOT / "deepley/network/backbones.py"]:
        assert not any(name.split(".")[0] == "tensorflow" for name in _imports(path)), path
