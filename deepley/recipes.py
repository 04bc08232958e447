"""Recipes: the network, the phases of its training, and the recipes that have a name."""

from __future__ import annotations

from dataclasses import dataclass, field

from deepley.errors import Refusal

_RENAMED = {f"conv{number}": f"stage{number}" for number in range(1, 6)}
"""New names of the stages in recipes that were written before 2026-11-29."""


@dataclass(frozen=True)
class ModelConfig:
    """The configuration of a network: a backbone, and the head of the student deck.

    Attributes:
        backbone: Name of the backbone in `network.backbones.registry.BACKBONES`.
        dense: Units of each hidden Dense layer of the head.
        dropout: Dropout rate after each of them, 0..1.
        l2: L2 factor on the kernels of the head.
        kinds: Kinds of fake that the network tells from a real photo, with one logit each: "generated" as a whole, or
            "blended" in part.
    """

    backbone: str = "resnet50"
    dense: tuple[int, ...] = (256, 128)
    dropout: float = 0.5
    l2: float = 1e-4
    kinds: tuple[str, ...] = ("generated",)


@dataclass(frozen=True)
class Phase:
    """One phase of a training, with its own set of trainable stages.

    Attributes:
        name: Name of the phase, shown on the curves.
        trainable: Names of the stages to train, "stage1" (shallow) and so on, or "head". "all" stands for every stage,
            "new" for every stage that the base weights did not provide.
        rounds: Number of rounds (epochs of `fit`).
        images_per_round: Number of training images in a round.
        crop: Side of the random square crop, in pixels.
        learning_rate: Peak learning rate.
        schedule: Schedule of the learning rate: "cosine" (warm-up, then decay to zero over the phase), or "plateau"
            (constant, and halved after every two rounds without a better `TrainConfig.monitor`, like Keras's
            `ReduceLROnPlateau`).
        cache: Whether the features of the frozen stages are computed once a view, and not in every pass.
    """

    name: str
    trainable: tuple[str, ...]
    rounds: int
    images_per_round: int
    crop: int = 224
    learning_rate: float = 1e-3
    schedule: str = "cosine"
    cache: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "trainable", tuple(_RENAMED.get(stage, stage) for stage in self.trainable))
        if self.schedule not in ("cosine", "plateau"):
            raise Refusal(f"Phase {self.name!r}: schedule must be 'cosine' or 'plateau', not {self.schedule!r}.")
        for attribute in ("rounds", "images_per_round", "crop"):
            if getattr(self, attribute) < 1:
                raise Refusal(f"Phase {self.name!r}: {attribute} must be at least 1.")
        if not self.learning_rate > 0:
            raise Refusal(f"Phase {self.name!r}: learning_rate must be positive.")


@dataclass(frozen=True)
class TrainConfig:
    """A complete recipe: the same config, data and seed give the same training run.

    Attributes:
        preset: Name of the preset from which the recipe was made.
        phases: Phases, in order.
        model: Configuration of the network.
        batch_size: Number of images in a training step.
        optimizer: Name of the optimizer, "adam" or "adamw".
        weight_decay: Decoupled weight decay of AdamW.
        augment: Degradations of `training.views.augment` that views get: "none", "usual" or "wide". Flips and crops
            are always on.
        blends: Average number of blends made of each real picture (`training.views.blending`) as a further kind of
            fake; 0..1.
        balance: Balance between the sources of a label (folders of pictures), 0..1: at 0 every picture is shown as
            often as any other, at 1 every source; between, a source of n pictures counts as n ** (1 - balance).
        kept: Share of the weights of the release that training started from in the final weights, 0 <= kept < 1: they
            are kept times its own plus (1 - kept) times the trained ones, so that less of the old knowledge is lost
            (Wortsman et al. 2022, WiSE-FT).
        warmup: Share of a cosine phase that is used for warm-up, 0..1.
        monitor: Metric that decides which round's weights are kept and when a phase stops: "val_loss", or "val_auc" for
            training a release further, whose loss calibration has already minimised.
        patience: Number of rounds without a better `monitor` after which a phase stops.
        views: Number of augmented views of every image that a cached phase stores.
        train_limit: Largest number of training images (half real, half fake); 0 takes all.
        valid_limit: Largest number of images on which each round is validated; 0 takes all.
        mixed_precision: Whether to compute in bfloat16, with variables in float32, if the machine has it
            (`network.devices.policy`).
        seed: Seed of weights, order, augmentation and dropout.
    """

    preset: str
    phases: tuple[Phase, ...]
    model: ModelConfig = field(default_factory=ModelConfig)
    batch_size: int = 32
    optimizer: str = "adamw"
    weight_decay: float = 1e-4
    augment: str = "usual"
    blends: float = 0.0
    balance: float = 0.0
    kept: float = 0.0
    warmup: float = 0.1
    monitor: str = "val_loss"
    patience: int = 5
    views: int = 1
    train_limit: int = 0
    valid_limit: int = 0
    mixed_precision: bool = True
    seed: int = 2026

    def __post_init__(self) -> None:
        if not self.phases:
            raise Refusal("A training run needs at least one phase.")
        if self.optimizer not in ("adam", "adamw"):
            raise Refusal(f"optimizer must be 'adam' or 'adamw', not {self.optimizer!r}.")
        if self.views not in (1, 2):
            raise Refusal("views must be 1 or 2.")
        if self.augment not in ("none", "usual", "wide"):
            raise Refusal(f"augment must be 'none', 'usual' or 'wide', not {self.augment!r}.")
        if self.monitor not in ("val_loss", "val_auc"):
            raise Refusal(f"monitor must be 'val_loss' or 'val_auc', not {self.monitor!r}.")
        if not 0 <= self.blends <= 1:
            raise Refusal(f"blends must lie in 0..1, {self.blends} does not.")
        if not 0 <= self.balance <= 1:
            raise Refusal(f"balance must lie in 0..1, {self.balance} does not.")
        if not 0 <= self.kept < 1:
            raise Refusal(f"kept must be at least 0 and below 1, {self.kept} is not.")
        if self.blends and "blended" not in self.model.kinds:
            raise Refusal("A recipe with blends trains a network that knows the kind 'blended'.")


PRESETS: dict[str, TrainConfig] = {
    # From ImageNet weights to 99 % on the test split of the 140k set (docs/experiments.md). Small crops first: a step
    # costs a third there, and the traces that a generator leaves are local. The last two phases see nearly the whole
    # face, as scoring does; "restart" is a warm restart of the rate (Loshchilov & Hutter 2017, SGDR).
    "deepley": TrainConfig(
        preset="deepley",
        batch_size=64,
        valid_limit=1000,
        patience=17,  # a cosine phase is best at its end, when its rate is low
        phases=(
            Phase("head", ("new",), rounds=2, images_per_round=18_765, crop=128, learning_rate=1e-3, cache=True),
            Phase("deep", ("stage4", "stage5", "head"), 1, 9_000, crop=128, learning_rate=3e-4),
            Phase("all", ("all",), 7, 7_500, crop=128, learning_rate=4e-4),
            Phase("full size", ("all",), 5, 2_500, crop=224, learning_rate=1.5e-4),
            Phase("restart", ("all",), 17, 2_000, crop=224, learning_rate=2e-4),
        ),
    ),
    # From a release, on many sets and with blends (`training.views.blends`), so that it generalises to new sets. For a
    # GPU. Expected: weights/deepley-resnet50/metrics.json.
    "wide": TrainConfig(
        preset="wide",
        model=ModelConfig(kinds=("generated", "blended")),
        batch_size=128,
        augment="wide",
        blends=0.5,
        valid_limit=1024,
        patience=12,
        phases=(Phase("all", ("all",), 12, 40_960, learning_rate=3e-4),),
    ),
    # From a release, on old and new sets together, with larger sources shown less often, on a CPU with bfloat16. Twice:
    # small crops first, then the whole face. Each half ends at a rate of zero, so that its weights can be used.
    "today": TrainConfig(
        preset="today",
        model=ModelConfig(kinds=("generated", "blended")),
        batch_size=64,
        augment="wide",
        blends=0.5,
        balance=0.5,
        valid_limit=1024,
        patience=16,
        phases=(
            Phase("small", ("all",), 8, 8_192, crop=160, learning_rate=2e-4),
            Phase("full size", ("all",), 4, 4_096, crop=224, learning_rate=5e-5),
            Phase("small again", ("all",), 16, 8_192, crop=160, learning_rate=2e-4),
            Phase("full size again", ("all",), 8, 4_096, crop=224, learning_rate=5e-5),
        ),
    ),
    # From a release, to teach it a few more generators on a CPU: only its head, on features that are stored once, so
    # that it keeps nearly all of its accuracy on the old sets (docs/experiments.md).
    "further": TrainConfig(
        preset="further",
        model=ModelConfig(kinds=("generated", "blended")),
        batch_size=64,
        augment="wide",
        blends=0.5,
        kept=0.3,
        valid_limit=512,
        monitor="val_auc",
        patience=12,
        phases=(Phase("head", ("head",), 12, 20_000, learning_rate=3e-4, cache=True),),
    ),
    # For a few thousand pictures on a CPU, in minutes: first the stages that have no weights yet, then everything.
    "quick": TrainConfig(
        preset="quick",
        phases=(
            Phase("head", ("new",), rounds=4, images_per_round=4_000, crop=128, learning_rate=1e-3, cache=True),
            Phase("all", ("all",), 6, 4_000, crop=128, learning_rate=3e-4),
        ),
    ),
    # The student deck: Adam 1e-5 throughout, frozen first, deeper layers later.
    "deck": TrainConfig(
        preset="deck",
        optimizer="adam",
        augment="none",
        train_limit=10_000,
        phases=(
            Phase("head", ("new",), 10, 10_000, learning_rate=1e-5, schedule="plateau", cache=True),
            Phase("deep", ("stage5", "head"), 10, 2_500, learning_rate=1e-5, schedule="plateau"),
        ),
    ),
}
