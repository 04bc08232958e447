"""The house: which room may import which."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
GROUND = {"errors", "config", "records", "recipes", "host"}
MAY_IMPORT = {
    "host": {"errors", "host"},
    "photo": {*GROUND, "photo"},
    "network": {*GROUND, "network"},
    "explain": {"config", "explain"},
    "engine": {"config", "network", "engine"},
    "verdict": {*GROUND, "photo", "network", "explain", "engine", "verdict"},
    "video": {*GROUND, "photo", "network", "explain", "engine", "verdict", "video"},
    "scan": {*GROUND, "photo", "network", "verdict", "scan"},
    "training": {*GROUND, "photo", "network", "engine", "verdict", "video", "training"},
    "hub": {*GROUND, "photo", "network", "hub"},
    "jobs": {*GROUND, "network", "training", "hub", "jobs"},
    "cli": {*GROUND, "network", "verdict", "video", "scan", "training", "hub", "jobs", "cli", "photo"},
    "ui": {*GROUND, "photo", "network", "explain", "verdict", "video", "training", "hub", "jobs", "ui"},
}


def _imports_of(node):
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield node.module
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        yield from _imports_of(node)


def _modules(folder):
    return sorted((ROOT / "deepley" / folder).glob("*.py"))


def _all_modules(folder):
    return sorted((ROOT / "deepley" / folder).rglob("*.py"))


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_arrows_only_point_down(room):
    for path in _all_modules(room):
        for name in _imports(path):
            parts = name.split(".")
            if parts[0] == "deepley" and len(parts) > 1:
                assert parts[1] in MAY_IMPORT[room], f"{path.name} imports {name}"
            if room == "training" and parts[:2] == ["deepley", "verdict"] and len(parts) > 2:
                assert parts[2] in ("calibration", "novelty"), f"{path.name} imports {name}"


TRAINING = {
    "data": {"data"},
    "views": {"data", "views"},
    "fit": {"data", "views", "fit"},
    "measure": {"data", "views", "fit", "measure"},
    "release": {"data", "views", "fit", "measure", "release"},
    "video": {"data", "views", "fit", "measure", "release", "video"},
    "": {"data", "views", "fit", "release"},
}
"""What each room of `training/` may import of the others; "" is the pipeline."""


@pytest.mark.parametrize("room", TRAINING)
def test_arrows_only_point_down_inside_training(room):
    for path in _modules(f"training/{room}"):
        for name in _imports(path):
            parts = name.split(".")
            if parts[:2] == ["deepley", "training"] and len(parts) > 2:
                assert parts[2] in TRAINING[room], f"{path.name} imports {name}"


def test_one_module_alone_writes_files_by_renaming():
    found = [path for path in (ROOT / "deepley").rglob("*.py") if "os.replace" in path.read_text()]
    assert found == [ROOT / "deepley" / "host" / "files.py"]


def test_every_error_meant_for_a_person_has_the_one_base():
    for path in (ROOT / "deepley").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef) and node.name.endswith("Error"):
                assert [ast.unparse(base) for base in node.bases] == ["Refusal"], f"{path.name}: {node.name}"


def test_the_page_alone_imports_gradio():
    for path in (ROOT / "deepley").rglob("*.py"):
        if "ui" not in path.parts:
            assert not any(name.split(".")[0] == "gradio" for name in _imports(path)), path


UI = {
    "parts": {"parts"},
    "server": {"parts", "server"},
    "jobs": {"parts", "jobs"},
    "tabs": {"parts", "jobs", "tabs"},
    "": {"parts", "server", "tabs"},
}
"""What each room of `ui/` may import of the others; "" is the page."""


@pytest.mark.parametrize("room", UI)
def test_arrows_only_point_down_inside_the_page(room):
    for path in _modules(f"ui/{room}"):
        for name in _imports(path):
            parts = name.split(".")
            if parts[:2] == ["deepley", "ui"] and len(parts) > 2:
                assert parts[2] in UI[room], f"{path.name} imports {name}"


def test_no_tab_imports_another():
    helpers = {"photo": {"photo_states"}}
    for path in _modules("ui/tabs"):
        for name in _imports(path):
            parts = name.split(".")
            if parts[:3] == ["deepley", "ui", "tabs"] and len(parts) > 3:
                assert parts[3] in helpers.get(path.stem, ()), f"{path.name} imports {name}"


def test_one_room_alone_touches_the_insides_of_gradio():
    for path in (ROOT / "deepley").rglob("*.py"):
        insides = {".".join(name.split(".")[:2]) for name in _imports(path)}
        if insides & {"gradio.routes", "gradio.route_utils", "gradio.processing_utils"}:
            assert path.parent == ROOT / "deepley" / "ui" / "server", path


def _needs(name, seen):
    """Everything that importing a module of ours imports, at the top of modules, near and far."""
    path = ROOT.joinpath(*name.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    if name in seen or not path.is_file():
        return
    seen.add(name)
    for node in ast.parse(path.read_text()).body:
        for imported in _imports_of(node):
            yield imported
            if imported.startswith("deepley."):
                yield from _needs(imported, seen)


@pytest.mark.parametrize("module", ["pipeline", "release.finish", "fit.run", "measure.robustness", "video.temporal"])
def test_training_runs_on_any_keras_backend(module):
    assert "tensorflow" not in {name.split(".")[0] for name in _needs(f"deepley.training.{module}", set())}


@pytest.mark.parametrize("module", ["views.views", "views.blends", "data.sources"])
def test_a_process_that_draws_views_needs_no_keras(module):
    assert not {"keras", "tensorflow"} & {name.split(".")[0] for name in _needs(f"deepley.training.{module}", set())}


@pytest.mark.parametrize("module", ["verdict.words", "verdict.record", "verdict.report", "ui.parts.verdict_card"])
def test_a_verdict_is_told_without_tensorflow_and_keras(module):
    code = f"import sys, deepley.{module}; print({{'tensorflow', 'keras'}} & set(sys.modules))"
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "set()"


@pytest.mark.parametrize("path", sorted((ROOT / "benchmarks").glob("[a-z]*.py")), ids=lambda path: path.stem)
def test_benchmarks_find_what_they_import(path):
    assert callable(importlib.import_module(f"benchmarks.{path.stem}").main)
