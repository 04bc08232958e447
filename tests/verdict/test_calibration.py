import numpy as np
import pytest

from deepley.verdict.calibration import Calibration, Evidence, fit


def _logits(seed=0, n=4000, scale=3.0):
    """Logits that are `scale` times too sure of themselves."""
    rng = np.random.default_rng(seed)
    true = rng.normal(0, 2, n)
    labels = rng.random(n) < 1 / (1 + np.exp(-true))
    return true * scale, labels.astype(int)


def test_the_temperature_undoes_over_confidence():
    assert fit(*_logits()).temperature == pytest.approx(3.0, rel=0.1)


def test_the_threshold_lets_at_most_two_percent_of_the_reals_through_and_hardly_fewer():
    logits, labels = _logits()
    fitted = fit(logits, labels)
    reals = fitted.score(logits)[labels == 0]
    assert 0.02 - 2 / len(reals) <= (reals >= fitted.threshold).mean() <= 0.02
    assert 0.05 - 2 / len(reals) <= (reals >= fitted.doubt).mean() <= 0.05


@pytest.mark.parametrize(
    ("score", "evidence"),
    [
        (0.0, Evidence.NONE),
        (0.0999, Evidence.NONE),
        (0.1, Evidence.INCONCLUSIVE),
        (0.2999, Evidence.INCONCLUSIVE),
        (0.3, Evidence.WEAK),
        (0.5, Evidence.MODERATE),
        (0.7, Evidence.STRONG),
        (0.9, Evidence.VERY_STRONG),
        (1.0, Evidence.VERY_STRONG),
    ],
)
def test_bands_begin_at_their_edges(score, evidence):
    assert Calibration(doubt=0.1, threshold=0.3).evidence(score) is evidence


def test_a_threshold_above_a_band_swallows_it():
    high = Calibration(doubt=0.6, threshold=0.8)
    assert high.evidence(0.75) is Evidence.INCONCLUSIVE
    assert high.evidence(0.85) is Evidence.STRONG


@pytest.mark.parametrize("logit", [-1e6, -800.0, 0.0, 800.0, 1e6])
def test_scores_of_extreme_logits_stay_finite_and_in_range(logit):
    assert 0 <= float(Calibration(0.5).score(logit)) <= 1


@pytest.mark.parametrize("score", [-0.1, 1.1, float("nan")])
def test_a_score_out_of_range_gets_no_word(score):
    with pytest.raises(ValueError, match=r"lies in 0\.\.1"):
        Calibration().evidence(score)


@pytest.mark.parametrize("values", [{"temperature": 0}, {"temperature": np.nan}, {"doubt": 0.9}, {"strong": 0.2}])
def test_a_calibration_that_breaks_its_contract_is_refused(values):
    with pytest.raises(ValueError):
        Calibration(**values)


def test_one_class_cannot_be_calibrated():
    with pytest.raises(ValueError, match="real and fake"):
        fit(np.zeros(5), np.zeros(5))
