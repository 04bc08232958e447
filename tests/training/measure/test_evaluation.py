import numpy as np
import pytest

from deepley.training.measure import evaluation
from deepley.verdict.calibration import Calibration

CUT = Calibration(doubt=0.25, threshold=0.4)


def test_figures_of_a_case_that_can_be_counted_by_hand():
    scores = np.array([0.1, 0.3, 0.45, 0.6, 0.2, 0.7, 0.8, 0.9])
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    found = evaluation.figures(np.log(scores / (1 - scores)), labels, CUT)
    assert (found["n"], found["real"], found["fake"]) == (8, 4, 4)
    value = {name: figure["value"] for name, figure in found.items() if isinstance(figure, dict)}
    assert value["accuracy"] == 6 / 8
    assert value["balanced_accuracy"] == 6 / 8
    assert value["false_positive_rate"] == 2 / 4
    assert value["recall"] == 3 / 4
    assert value["auc"] == 13 / 16
    assert value["average_precision"] == pytest.approx((1 + 1 + 1 + 4 / 7) / 4)
    assert value["ece"] == pytest.approx(2.85 / 8)
    assert value["inconclusive"] == 1 / 8
    assert value["selective_accuracy"] == 4 / 7


def test_intervals_hold_the_value_and_shrink_with_more_images():
    rng = np.random.default_rng(0)

    def width(n):
        labels = np.arange(n) % 2
        figure = evaluation.figures(rng.normal(labels * 2 - 1.0, 1), labels, CUT)["accuracy"]
        assert figure["low"] <= figure["value"] <= figure["high"]
        return figure["high"] - figure["low"]

    assert width(1600) < 0.5 * width(100)


def test_calibrated_scores_have_a_small_error_and_others_do_not():
    rng = np.random.default_rng(1)
    scores = rng.random(20_000)
    labels = rng.random(20_000) < scores
    assert evaluation.expected_calibration_error(scores, labels) < 0.02
    assert evaluation.expected_calibration_error(scores**3, labels) > 0.15


def test_a_score_of_one_falls_into_the_last_bin():
    assert evaluation.reliability(np.array([1.0, 0.0]), np.array([1, 0])) == [(0.0, 0.0, 1), (1.0, 1.0, 1)]


@pytest.mark.parametrize(("label", "name"), [(0, "false_positive_rate"), (1, "recall")])
def test_one_class_alone_gives_what_needs_no_other(label, name):
    found = evaluation.figures(np.array([-5.0, -0.8, 5.0, 6.0]), np.full(4, label), CUT)
    assert set(found) == {"n", "real", "fake", "inconclusive", name}
    assert found[name]["value"] == 0.5
    assert found["inconclusive"]["value"] == 0.25


def test_without_images_there_is_nothing_to_evaluate():
    with pytest.raises(ValueError, match="needs images"):
        evaluation.figures(np.zeros(0), np.zeros(0), CUT)
