import json
from dataclasses import replace

import pytest

from deepley.errors import Refusal
from deepley.jobs.job import JobStatus, State
from deepley.recipes import PRESETS, TrainConfig
from deepley.records import from_json, to_json


@pytest.mark.parametrize("preset", PRESETS)
def test_every_recipe_comes_back_from_its_json(preset):
    assert from_json(TrainConfig, json.loads(json.dumps(to_json(PRESETS[preset])))) == PRESETS[preset]


def test_enumerations_come_back_and_missing_values_stay_missing():
    status = JobStatus(State.RUNNING, 12.5, pid=None)
    assert from_json(JobStatus, json.loads(json.dumps(to_json(status)))) == status


def test_what_a_newer_version_added_is_ignored_and_what_an_older_one_lacked_has_its_default():
    data = to_json(PRESETS["quick"]) | {"new": 1}
    del data["balance"]
    assert from_json(TrainConfig, data) == PRESETS["quick"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"batch_size": "many"}, 'batch_size: should be a valid integer, not "many".'),
        ({"mixed_precision": "yes"}, 'mixed_precision: should be a valid boolean, not "yes".'),
        ({"phases": 3}, "phases: should be a valid array, not 3."),
        ({"phases": [{"name": "all"}]}, "phases.0.trainable: field required"),
        ({"kept": 2.0}, "kept must be at least 0 and below 1, 2.0 is not."),
        ({"model": {"dense": [1.5]}}, "model.dense.0: should be a valid integer"),
    ],
)
def test_a_value_of_another_kind_is_refused_in_a_sentence(change, says):
    with pytest.raises(Refusal) as refused:
        from_json(TrainConfig, to_json(replace(PRESETS["quick"])) | change)
    assert says in str(refused.value)


def test_a_file_that_holds_no_object_is_refused():
    with pytest.raises(Refusal, match="TrainConfig"):
        from_json(TrainConfig, [1, 2])
