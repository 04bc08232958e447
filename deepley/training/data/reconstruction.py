"""Fakes with the content of a real photo: the photo through an image autoencoder and back.

Generators of today draw in the latent space of such an autoencoder, so its decoder's traces are in all that they make,
and a photo beside its reconstruction differs in nothing else (Rajan et al. 2024, "Aligned Datasets Improve Detection of
Latent Diffusion-Generated Images"). The network is that of the tiny autoencoders of Ollin Boer Bohan
(github.com/madebyollin/taesd), whose layers an npz names by position and kind.
"""

from __future__ import annotations

import io
from pathlib import Path

import keras
import numpy as np
import tqdm
from keras import ops
from PIL import Image

from deepley.host.files import write
from deepley.network import devices
from deepley.photo.decode import PhotoError, decode
from deepley.training.data.collect import QUALITY
from deepley.training.data.sources import RECONSTRUCTED, DataError, find

_SHRINK, _ENLARGE = (2, 6, 10), (7, 12, 17)
"""Positions of the encoder's layers that halve the size, and of the decoder's before which it is doubled."""
_GROUPS = 4
_EPSILON = 1e-5
_MULTIPLE = 8
"""Sides of pictures are cut to a multiple of the factor by which the encoder shrinks."""


class Autoencoder:
    """A photo to latents and back.

    Args:
        encoder: An npz of the encoder's weights, keys `LAYER.weight`, `LAYER.conv.N.weight`, `LAYER.pool.N.weight` and
            biases; kernels (out, in, height, width).
        decoder: The same of the decoder.

    Raises:
        DataError: If a file does not hold such weights.
    """

    def __init__(self, encoder: Path, decoder: Path) -> None:
        dtype = keras.dtype_policies.get(devices.policy(True)).compute_dtype
        try:
            weights = [_read(path) for path in (encoder, decoder)]
            self._stages = [{i: _layer(layers[i], dtype) for i in sorted(layers)} for layers in weights]
        except (OSError, ValueError, KeyError) as error:
            raise DataError(f"{encoder.name} and {decoder.name} are not an autoencoder's weights ({error}).") from error
        self._dtype = dtype

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """The reconstruction of a photo.

        Args:
            pixels: (h, w, 3) uint8 RGB; what is left over of a multiple of 8 px is cut off.

        Returns:
            (h, w, 3) uint8.
        """
        height, width = (length // _MULTIPLE * _MULTIPLE for length in pixels.shape[:2])
        x = ops.cast(pixels[None, :height, :width] / 255, self._dtype)
        encoder, decoder = self._stages
        for position, layer in encoder.items():
            x = layer(x, 2 if position in _SHRINK else 1)
        x = ops.tanh(x / 3) * 3
        for position, layer in decoder.items():
            if position in _ENLARGE:
                x = ops.repeat(ops.repeat(x, 2, axis=1), 2, axis=2)
            x = layer(x, 1)
            if position == min(decoder):
                x = ops.relu(x)
        levels = ops.convert_to_numpy(ops.cast(x, "float32"))[0]
        return np.rint(np.clip(levels, 0, 1) * 255).astype(np.uint8)


def _read(path: Path) -> dict[int, dict[str, np.ndarray]]:
    """Weights by position of their layer, those of a convolution as (height, width, in, out)."""
    layers: dict[int, dict[str, np.ndarray]] = {}
    with np.load(path) as stored:
        for name in stored.files:
            position, rest = name.split(".", 1)
            value = stored[name].astype(np.float32)
            layers.setdefault(int(position), {})[rest] = value.transpose(2, 3, 1, 0) if value.ndim == 4 else value
    return layers


def _layer(weights: dict[str, np.ndarray], dtype: str):
    """A convolution or a block, as a function of a (1, h, w, channels) tensor and the stride."""
    tensors = {name: ops.cast(value, dtype) for name, value in weights.items()}

    def convolve(x, name: str, stride: int = 1):
        kernel = tensors[f"{name}weight"]
        margin = kernel.shape[0] // 2
        x = ops.pad(x, ((0, 0), (margin, margin), (margin, margin), (0, 0)))
        x = ops.conv(x, kernel, stride, padding="valid")
        return x + tensors[f"{name}bias"] if f"{name}bias" in tensors else x

    def block(x, _: int):
        if "pool.0.weight" in tensors:
            pooled = ops.relu(_normalised(convolve(x, "pool.0."), tensors["pool.1.weight"], tensors["pool.1.bias"]))
            x = x + convolve(pooled, "pool.3.")
        inner = x
        for name in ("conv.0.", "conv.2."):
            inner = ops.relu(convolve(inner, name))
        return ops.relu(convolve(inner, "conv.4.") + x)

    return block if "conv.0.weight" in tensors else lambda x, stride: convolve(x, "", stride)


def _normalised(x, scale, shift):
    """Group normalisation (Wu & He 2018)."""
    _, height, width, channels = x.shape
    grouped = ops.cast(ops.reshape(x, (1, height * width, _GROUPS, channels // _GROUPS)), "float32")
    mean, variance = ops.moments(grouped, (1, 3), keepdims=True)
    normal = ops.reshape((grouped - mean) / ops.sqrt(variance + _EPSILON), x.shape)
    return ops.cast(normal, x.dtype) * scale + shift


def reconstruct(data: Path, encoder: Path, decoder: Path, smallest: int, limit: int = 0) -> list[tuple[str, str]]:
    """Writes a reconstruction of each real picture of a data folder beside it, below `fake/reconstructed/`.

    Pictures that are there already are kept, so that a run that was stopped goes on.

    Args:
        data: See `sources.find`; a folder.
        encoder: See `Autoencoder`.
        decoder: See `Autoencoder`.
        smallest: Shorter side, in pixels, from which on a picture is taken.
        limit: Pictures of each folder at most; 0 takes all.

    Returns:
        (name, reason) of each real picture that could not be read.

    Raises:
        DataError: If there are no pictures, or no such autoencoder.
    """
    autoencoder, taken, refused = Autoencoder(encoder, decoder), {}, []
    reals = [source for source in find(data) if source.label == 0]
    for source in tqdm.tqdm(reals, desc="Reconstructing", unit=" photos", mininterval=10):
        if limit and taken.get(source.origin, 0) >= limit:
            continue
        head, _, tail = source.name.rpartition("real/")
        out = data / f"{head}fake/{RECONSTRUCTED}/{Path(tail).with_suffix('.jpg')}"
        try:
            pixels = decode(source.read()).pixels
        except PhotoError as error:
            refused.append((source.name, str(error)))
            continue
        if min(pixels.shape[:2]) < smallest:
            continue
        taken[source.origin] = taken.get(source.origin, 0) + 1
        if not out.exists():
            buffer = io.BytesIO()
            Image.fromarray(autoencoder(pixels)).save(buffer, "JPEG", quality=QUALITY, subsampling="4:2:0")
            write(out, buffer.getvalue())
    return refused
