"""The house: which room may import which, how large its pieces may be, and what every room says of itself."""

import ast
import importlib
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import deepley

ROOT = Path(__file__).parent.parent
HOUSE = ROOT / "deepley"
GROUND = {"errors", "config", "records", "recipes", "host"}
MAY_IMPORT = {
    "deepley": {
        "errors": set(),
        "config": {"errors"},
        "records": {"errors"},
        "recipes": {"errors"},
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
        "cli": {*GROUND, "photo", "network", "verdict", "video", "scan", "training", "hub", "jobs", "cli"},
        "ui": {*GROUND, "photo", "network", "explain", "verdict", "video", "training", "hub", "jobs", "ui"},
        "__main__": {"errors", "cli"},
    },
    "deepley.training": {
        "data": {"data"},
        "views": {"data", "views"},
        "fit": {"data", "views", "fit"},
        "measure": {"data", "views", "fit", "measure"},
        "release": {"data", "views", "fit", "measure", "release"},
        "video": {"data", "views", "fit", "measure", "release", "video"},
        "pipeline": {"data", "views", "fit", "release"},
    },
    "deepley.ui": {
        "parts": {"parts"},
        "server": {"parts", "server"},
        "jobs": {"parts", "jobs"},
        "tabs": {"parts", "jobs", "tabs"},
        "page": {"parts", "server", "tabs"},
        "start": set(),
    },
}
"""What the rooms of a package, and the modules that stand beside them, may import of that package."""

ONE_ROOM = {
    "gradio": "ui",
    "gradio.processing_utils": "ui/server",
    "gradio.route_utils": "ui/server",
    "gradio.routes": "ui/server",
    "os.replace": "host",  # what renames a file into place: `host.files`
}
"""What one room alone imports or calls."""

RUNS_WITHOUT = {
    "training.pipeline": {"tensorflow"},  # any Keras backend will do
    "training.release.finish": {"tensorflow"},
    "training.fit.run": {"tensorflow"},
    "training.measure.robustness": {"tensorflow"},
    "training.video.temporal": {"tensorflow"},
    "training.views.views": {"tensorflow", "keras"},  # what draws views does so in processes of its own
    "training.views.blends": {"tensorflow", "keras"},
    "training.data.sources": {"tensorflow", "keras"},
}
"""Libraries that no module of ours imports, at its top, on the way to these."""

LONGEST = {"module": 250, "function": 60}  # lines


def _modules(folder="", deep=True):
    return sorted((HOUSE / folder).glob("**/*.py" if deep else "*.py"))


def _tree(path):
    return ast.parse(path.read_text())


def _imports(nodes):
    """The full names of what some nodes import, whether module or part of one."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _imports_of_package(path, package):
    """The rooms of a package that a module imports."""
    names = (name.removeprefix(f"{package}.") for name in _imports(ast.walk(_tree(path))) if name.startswith(package))
    return {name.split(".")[0] for name in names if name != package}


@pytest.mark.parametrize(
    ("package", "room"), [(package, room) for package, rooms in MAY_IMPORT.items() for room in rooms]
)
def test_a_room_imports_only_what_lies_below_it(package, room):
    place = HOUSE.parent.joinpath(*package.split("."), room)
    for path in sorted(place.rglob("*.py")) if place.is_dir() else [place.with_suffix(".py")]:
        above = _imports_of_package(path, package) - MAY_IMPORT[package][room]
        assert not above, f"{path.relative_to(ROOT)} imports {sorted(above)} of {package}"


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_every_room_stands_in_the_table(package):
    folder = HOUSE.parent.joinpath(*package.split("."))
    there = {path.stem for path in folder.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert there - {"__init__"} == set(MAY_IMPORT[package])


def test_training_takes_of_verdicts_only_how_they_are_calibrated():
    for path in _modules("training"):
        ends = {"detector", "photo"} if path.name == "photos.py" else set()  # checks photos as the page does
        assert _imports_of_package(path, "deepley.verdict") <= {"calibration", "novelty", *ends}, path


def test_a_tab_imports_no_other_tab_but_its_own_pieces():
    for path in _modules("ui/tabs"):
        for name in _imports_of_package(path, "deepley.ui.tabs"):
            assert name.split("_")[0] == path.stem.split("_")[0], f"{path.name} imports {name}"


@pytest.mark.parametrize("name", ONE_ROOM)
def test_one_room_alone_touches(name):
    for path in _modules():
        if not path.is_relative_to(HOUSE / ONE_ROOM[name]):
            called = {ast.unparse(node) for node in ast.walk(_tree(path)) if isinstance(node, ast.Attribute)}
            imported = {*_imports(ast.walk(_tree(path))), *called}
            assert not any(f"{one}.".startswith(f"{name}.") for one in imported), path


def _needs(module, seen):
    """Everything that importing a module of ours imports, at the top of modules, near and far."""
    path = ROOT.joinpath(*module.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    if module in seen or not path.is_file():
        return
    seen.add(module)
    for name in _imports(_tree(path).body):
        yield name
        if name.startswith("deepley."):
            yield from _needs(name, seen)


@pytest.mark.parametrize("module", RUNS_WITHOUT)
def test_a_module_runs_without(module):
    assert not RUNS_WITHOUT[module] & {name.split(".")[0] for name in _needs(f"deepley.{module}", set())}


@pytest.mark.parametrize("module", ["verdict.words", "verdict.record", "verdict.report", "ui.parts.verdict_card"])
def test_a_verdict_is_told_without_tensorflow_and_keras(module):
    code = f"import sys, deepley.{module}; print({{'tensorflow', 'keras'}} & set(sys.modules))"
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "set()"


def test_every_error_meant_for_a_person_has_the_one_base():
    for path in _modules():
        for node in ast.walk(_tree(path)):
            if isinstance(node, ast.ClassDef) and node.name.endswith("Error"):
                assert [ast.unparse(base) for base in node.bases] == ["Refusal"], f"{path.name}: {node.name}"


def test_no_module_is_too_long_to_be_read_at_once():
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in _modules()}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST["module"]} == {}


def test_no_function_is_too_long_to_be_read_at_once():
    lengths = {
        f"{path.relative_to(ROOT)}: {node.name}": node.end_lineno - node.lineno + 1
        for path in _modules()
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST["function"]} == {}


@pytest.mark.parametrize(
    "room", sorted({path.parent for path in _modules()} - {HOUSE}), ids=lambda room: str(room.relative_to(HOUSE))
)
def test_a_room_says_in_its_init_what_it_is_for_and_nothing_else(room):
    (said,) = _tree(room / "__init__.py").body
    assert isinstance(said.value.value, str)
    assert len(said.value.value) > 50


def test_the_house_names_its_rooms_from_the_ground_up():
    named = re.findall(r"^- ``(\w+)``", deepley.__doc__, re.MULTILINE)
    assert named == [room for room in MAY_IMPORT["deepley"] if room != "__main__"]


def test_every_file_of_a_room_goes_into_the_wheel():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    packages = {path.parent for path in _modules()}
    taken = {path for room in packages for pattern in settings["package-data"]["*"] for path in room.glob(pattern)}
    there = {path for path in HOUSE.rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc", ".pyi")}
    assert there <= taken


@pytest.mark.parametrize("path", sorted((ROOT / "benchmarks").glob("[a-z]*.py")), ids=lambda path: path.stem)
def test_benchmarks_find_what_they_import(path):
    assert callable(importlib.import_module(f"benchmarks.{path.stem}").main)
