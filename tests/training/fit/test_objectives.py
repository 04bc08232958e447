import keras
import numpy as np
import pytest

from deepley.network.model import evidence
from deepley.recipes import Phase, TrainConfig
from deepley.training.data.sources import Source
from deepley.training.fit import batches, objectives

LOGITS = np.array([[2.0, -3.0], [-1.0, 4.0], [-2.0, -2.0], [0.5, 0.0]], np.float32)
CLASSES = np.array([1, 2, 0, 0])


def test_with_one_kind_the_loss_is_the_binary_cross_entropy():
    classes, logits = (CLASSES[:, None] > 0).astype(int), LOGITS[:, :1]
    wanted = keras.losses.BinaryCrossentropy(from_logits=True)(classes, logits)
    assert float(np.mean(objectives.loss(classes, logits))) == pytest.approx(float(wanted), rel=1e-5)
    np.testing.assert_allclose(evidence(logits), logits[:, 0])


def test_real_has_the_logit_zero_and_the_kinds_share_the_rest():
    powers = np.exp(np.pad(LOGITS, ((0, 0), (1, 0))))
    probabilities = powers / powers.sum(axis=1, keepdims=True)
    wanted = -np.log(probabilities[np.arange(4), CLASSES])
    np.testing.assert_allclose(objectives.loss(CLASSES[:, None], LOGITS), wanted, rtol=1e-5)
    assert objectives.validation_loss(CLASSES, LOGITS) == pytest.approx(wanted.mean(), rel=1e-6)
    np.testing.assert_allclose(1 / (1 + np.exp(-evidence(LOGITS))), 1 - probabilities[:, 0], rtol=1e-6)
    np.testing.assert_allclose(np.asarray(objectives.evidence(LOGITS))[:, 0], evidence(LOGITS), rtol=1e-5)


def test_accuracy_and_auc_ask_for_real_or_fake_only():
    accuracy, auc = objectives.Accuracy(), objectives.AUC()
    for metric in (accuracy, auc):
        metric.update_state(CLASSES[:, None], LOGITS)
    assert float(accuracy.result()) == 0.75  # the last real one is called fake
    assert float(auc.result()) == pytest.approx(1.0, abs=0.01)


def test_a_network_learns_a_kind_it_does_not_know_as_its_first(tmp_path):
    kinds = [
        Source("a", tmp_path, label, None, kind=kind) for label, kind in ((0, "x"), (1, "generated"), (1, "blended"))
    ]
    assert batches.classes_of(tuple(kinds), ("generated", "blended")).tolist() == [0, 1, 2]
    assert batches.classes_of(tuple(kinds), ("generated",)).tolist() == [0, 1, 1]


def test_blends_need_a_network_that_knows_them():
    with pytest.raises(ValueError, match="blended"):
        TrainConfig(preset="x", phases=(Phase("a", ("all",), 1, 1),), blends=0.5)


def test_a_recipe_cannot_keep_all_of_its_start():
    with pytest.raises(ValueError, match="kept must be at least 0 and below 1"):
        TrainConfig(preset="x", phases=(Phase("a", ("all",), 1, 1),), kept=1.0)
