"""The recipe and the folders of the training form, without a browser."""

import pytest

from deepley.recipes import PRESETS
from deepley.training.fit.begin import TrainingError
from deepley.ui.jobs.pictures import folders_in
from deepley.ui.jobs.recipe import job_of, recipe_of, rows_of


@pytest.mark.parametrize("preset", PRESETS)
def test_a_form_left_as_it_is_gives_the_preset(preset):
    base = PRESETS[preset]
    assert recipe_of(preset, rows_of(base), base.batch_size) == base


def test_what_the_form_changed_is_what_is_trained():
    rows = [["head", "stage5 head", "3", "500", "96", "2e-4"], ["", "", "", "", "", ""]]
    recipe = recipe_of("quick", rows, 16)
    (phase,) = recipe.phases
    assert (phase.trainable, phase.rounds, phase.images_per_round) == (("stage5", "head"), 3, 500)
    assert (phase.crop, phase.learning_rate, phase.cache) == (96, 2e-4, True)
    assert recipe.batch_size == 16


def test_a_preset_that_teaches_a_release_more_wants_one(micro_release):
    form = ["my pictures", "", "", str(micro_release), "further", rows_of(PRESETS["further"]), 16]
    assert job_of(*form).start == str(micro_release)
    form[3] = ""
    with pytest.raises(TrainingError, match="choose one to start from"):
        job_of(*form)


@pytest.mark.parametrize(
    ("row", "batch", "words"),
    [
        (["head", "new", "x", "500", "96", "1e-3"], 16, "'head'"),
        (["head", "new", "0", "500", "96", "1e-3"], 16, "rounds must be at least 1"),
        (["head", "new", "1", "500", "512", "1e-3"], 16, "larger than a face"),
        (["head", "stage9", "1", "500", "96", "1e-3"], 16, "must name stages"),
        (["head", "", "1", "500", "96", "1e-3"], 16, "must name stages"),
        (["head", "new", "5000", "500", "96", "1e-3"], 16, "2,500,000 images; a job may show"),
        (["head", "new", "1", "500", "96", "-1"], 16, "learning_rate must be positive"),
        (["head", "new", "1", "500", "96", "1e-3"], 0, "batch size"),
        (["", "", "", "", "", ""], 16, "at least one phase"),
    ],
)
def test_a_cell_that_cannot_be_used_is_named(row, batch, words):
    with pytest.raises(ValueError, match=words):
        recipe_of("quick", [row], batch)


def test_folders_to_train_on_are_listed_once(tmp_path):
    for place in ("a/train", "a/valid", "b", "feedback"):
        for label in ("real", "fake"):
            (tmp_path / "data" / place / label).mkdir(parents=True)
    assert folders_in(tmp_path / "data") == ["a", "b"]
    assert folders_in(tmp_path / "nothing") == []
