import json
import shutil

import keras
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from deepley.errors import WeightsError
from deepley.network import files, model, release
from tests.conftest import MICRO


@pytest.fixture
def folder(micro_release, tmp_path):
    """A copy that a test may spoil."""
    return shutil.copytree(micro_release, tmp_path / "copy")


def _replace_weights(folder, tensors):
    """Stores other tensors with a SHA-256 that fits, so that only the tensors are wrong."""
    import hashlib

    save_file(tensors, folder / files.WEIGHTS)
    config = json.loads((folder / files.CONFIG).read_text())
    config["sha256"] = hashlib.sha256((folder / files.WEIGHTS).read_bytes()).hexdigest()
    (folder / files.CONFIG).write_text(json.dumps(config))


def test_logits_before_saving_and_after_loading_agree(tmp_path):
    network = model.build(MICRO)
    faces = np.random.default_rng(0).uniform(0, 255, (4, 64, 64, 3)).astype(np.float32)
    network(faces, training=True)  # moves the BatchNorm statistics away from their start
    release.save(tmp_path / "r", network, MICRO, {"name": "r"})
    loaded = release.load(tmp_path / "r")
    np.testing.assert_allclose(np.asarray(loaded.model(faces)[1]), np.asarray(network(faces)[1]), atol=5e-3)


def test_a_variance_beyond_float16_survives(tmp_path):
    network = model.build(MICRO)
    network.get_layer("conv1_bn").moving_variance.assign(np.full(8, 83_615.0))  # as in ResNet50's conv1_bn
    release.save(tmp_path / "r", network, MICRO, {"name": "r"})
    assert np.asarray(release.load(tmp_path / "r").model.get_layer("conv1_bn").moving_variance)[0] == 83_615.0
    types = {name: tensor.dtype for name, tensor in load_file(tmp_path / "r" / files.WEIGHTS).items()}
    assert all((dtype == np.float16) == name.endswith("/kernel") for name, dtype in types.items())


def test_a_network_that_diverged_is_not_released(tmp_path):
    network = model.build(MICRO)
    network.get_layer("logit").bias.assign([np.nan])
    with pytest.raises(WeightsError, match="logit/bias holds values that are not finite"):
        release.save(tmp_path / "r", network, MICRO, {"name": "r"})
    assert not (tmp_path / "r" / files.CONFIG).exists()


def test_unknown_fields_are_ignored(folder):
    config = json.loads((folder / files.CONFIG).read_text())
    config["from_the_future"] = {"a": 1}
    config["model"]["from_the_future"] = 2
    (folder / files.CONFIG).write_text(json.dumps(config))
    assert release.load(folder).name == "micro"


def test_a_wrong_hash_is_refused(folder):
    content = bytearray((folder / files.WEIGHTS).read_bytes())
    content[-1] ^= 1
    (folder / files.WEIGHTS).write_bytes(content)
    with pytest.raises(WeightsError, match=r"model\.safetensors has the SHA-256 .* fetch the release again"):
        release.load(folder)


def test_a_truncated_file_is_refused(folder):
    content = (folder / files.WEIGHTS).read_bytes()
    (folder / files.WEIGHTS).write_bytes(content[:-100])
    with pytest.raises(WeightsError, match="damaged, incomplete"):
        release.load(folder)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.pop("logit/bias"), "lacks the tensor logit/bias"),
        (lambda t: t.update({"extra/kernel": np.zeros(2, np.float32)}), "holds the unknown tensor extra/kernel"),
        (lambda t: t.update({"logit/bias": np.zeros(2, np.float32)}), r"logit/bias has shape \(2,\)"),
    ],
)
def test_tensors_that_do_not_fit_are_refused(folder, change, words):
    tensors = load_file(folder / files.WEIGHTS)
    change(tensors)
    _replace_weights(folder, tensors)
    with pytest.raises(WeightsError, match=words):
        release.load(folder)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("preprocessing", "rgb-0-1", "expects the preprocessing 'rgb-0-1'"),
        ("schema", 99, "schema 99, newer than this program"),
        ("model", {"backbone": "resnet9000"}, "no backbone 'resnet9000'"),
        ("model", 7, "cannot be read"),
        ("schema", "new", "cannot be read"),
    ],
)
def test_a_config_that_does_not_fit_is_refused(folder, field, value, words):
    config = json.loads((folder / files.CONFIG).read_text())
    config[field] = value
    (folder / files.CONFIG).write_text(json.dumps(config))
    with pytest.raises(WeightsError, match=words):
        release.load(folder)


def test_a_folder_without_a_release_is_refused(tmp_path):
    with pytest.raises(WeightsError, match="is no release"):
        release.load(tmp_path)


def test_missing_weights_are_refused(folder):
    (folder / files.WEIGHTS).unlink()
    with pytest.raises(WeightsError, match=r"model\.safetensors cannot be read"):
        release.load(folder)


def test_loading_does_not_depend_on_the_current_dtype_policy(folder):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        assert release.load(folder).model.get_layer("conv1_conv").compute_dtype == "float32"
        assert keras.config.dtype_policy().name == "mixed_bfloat16"
    finally:
        keras.config.set_dtype_policy("float32")
