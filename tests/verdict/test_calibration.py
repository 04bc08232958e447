import numpy as np
import pytest

from deepley.verdict.calibration import PRIOR, Calibration, Evidence, fit, fit_kinds


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


def test_kinds_are_weighed_to_the_stated_prior_and_over_confidence_of_each_is_undone():
    rng = np.random.default_rng(0)
    kinds = ("generated", "blended")
    true = rng.normal([0.0, -0.5], [3.0, 1.0], (30_000, 2))
    shares = np.exp(np.pad(true, ((0, 0), (1, 0))))
    shares /= shares.sum(axis=1, keepdims=True)
    classes = (rng.random((len(true), 1)) > np.cumsum(shares, axis=1)).sum(axis=1)
    counts = np.bincount(classes)
    scale, shift = fit_kinds(true * [0.5, 4.0] + [1.0, -2.0], classes, kinds)
    np.testing.assert_allclose(scale, [2.0, 0.25], rtol=0.05)
    moved = np.log([PRIOR[kind] / PRIOR["real"] for kind in kinds]) - np.log(counts[1:] / counts[0])
    np.testing.assert_allclose((true * [0.5, 4.0] + [1.0, -2.0]) * scale + shift, true + moved, atol=0.4)


def test_a_kind_that_no_validation_image_shows_stays_as_it_is():
    logits, labels = _logits()
    scale, shift = fit_kinds(np.column_stack([logits, logits * 0 - 4.0]), labels, ("generated", "blended"))
    assert scale[0] == pytest.approx(1 / 3, rel=0.1)
    assert (scale[1], shift[1]) == (1, 0)
