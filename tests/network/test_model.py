import numpy as np
import pytest

from deepley.errors import WeightsError
from deepley.network import model
from tests.conftest import MICRO


def test_only_the_named_stages_train_and_frozen_batch_norms_keep_their_statistics():
    network = model.build(MICRO)
    model.set_trainable(network, MICRO, ("stage3", "head"))
    stages = {model.stage_of(w.path.split("/")[0], MICRO) for w in network.trainable_weights}
    assert stages == {"stage3", "head"}
    before = np.asarray(network.get_layer("conv1_bn").moving_mean)
    moved = np.asarray(network.get_layer("conv3_bn").moving_mean)
    network(np.random.default_rng(0).uniform(0, 255, (4, 32, 32, 3)), training=True)
    np.testing.assert_array_equal(np.asarray(network.get_layer("conv1_bn").moving_mean), before)
    assert np.abs(np.asarray(network.get_layer("conv3_bn").moving_mean) - moved).max() > 0


def test_an_unknown_stage_is_refused():
    with pytest.raises(ValueError, match="no stage 'stage9'; it has: stage1, stage2, stage3, head"):
        model.set_trainable(model.build(MICRO), MICRO, ("stage9",))


@pytest.mark.parametrize("trainable", [("stage3", "head"), ("head",)])
def test_trunk_and_tail_together_are_the_network(trainable):
    network = model.build(MICRO)
    trunk, tail = model.split(network, MICRO, trainable)
    image = np.random.default_rng(0).uniform(0, 255, (2, 64, 64, 3)).astype(np.float32)
    np.testing.assert_allclose(np.asarray(tail(trunk(image))), np.asarray(network(image)[1]), atol=1e-6)


def _tensors(network, stages):
    return {
        w.path: np.asarray(w).astype(np.float16 if w.path.endswith("/kernel") else np.float32)
        for w in network.weights
        if model.stage_of(w.path.split("/")[0], MICRO) in stages
    }


def test_base_weights_fill_whole_stages_and_say_which(tmp_path):
    source, network = model.build(MICRO), model.build(MICRO)
    np.savez(tmp_path / "base.npz", **_tensors(source, ("stage1", "stage2")))
    assert model.load_base(network, MICRO, tmp_path / "base.npz") == ("stage1", "stage2")
    kernel = np.asarray(source.get_layer("conv2_conv").kernel)
    np.testing.assert_allclose(np.asarray(network.get_layer("conv2_conv").kernel), kernel, atol=1e-3)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.pop("conv1_bn/gamma"), "only a part of stage stage1, without conv1_bn/gamma"),
        (lambda t: t.update({"conv7/kernel": np.zeros(3)}), "holds conv7/kernel, which a micro does not have"),
        (lambda t: t.update({"conv1_bn/gamma": np.zeros(3)}), r"conv1_bn/gamma has shape \(3,\)"),
    ],
)
def test_base_weights_that_do_not_fit_are_refused(tmp_path, change, words):
    network = model.build(MICRO)
    tensors = _tensors(network, ("stage1",))
    change(tensors)
    np.savez(tmp_path / "base.npz", **tensors)
    with pytest.raises(WeightsError, match=words):
        model.load_base(network, MICRO, tmp_path / "base.npz")


@pytest.mark.parametrize(
    "content", [lambda b: b"not a zip", lambda b: b[:700], lambda b: b""], ids=["no zip", "cut off", "empty"]
)
def test_base_weights_that_are_no_archive_are_refused(tmp_path, content):
    np.savez(tmp_path / "whole.npz", a=np.zeros(1000))
    (tmp_path / "base.npz").write_bytes(content((tmp_path / "whole.npz").read_bytes()))
    with pytest.raises(WeightsError, match="cannot be read"):
        model.load_base(model.build(MICRO), MICRO, tmp_path / "base.npz")
