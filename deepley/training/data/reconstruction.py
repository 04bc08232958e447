"""Fakes that show a real photo: its reconstruction by an image autoencoder.

Current generators work in the latent space of such an autoencoder, so its decoder leaves traces in all their images. A
photo and its reconstruction differ in these traces alone (Rajan et al. 2024, "Aligned Datasets Improve Detection of
Latent Diffusion-Generated Images"). The network is that of the tiny autoencoders of Ollin Boer Bohan
(github.com/madebyollin/taesd). An npz names its layers by position and kind.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import keras
import numpy as np
import tqdm
from keras import ops
from PIL import Image

from deepley.host.files import write
from deepley.network import devices
from deepley.photo.decode import PhotoError, decode
from deepley.training.data.collect import QUALITY
from deepley.training.data.names import RECONSTRUCTED, labelled
from deepley.training.data.pictures import Skipped
from deepley.training.data.sources import DataError, find

_SHRINK, _ENLARGE = (2, 6, 10), (7, 12, 17)
"""Positions of the encoder's layers that halve the size, and of the decoder's layers before which it is doubled."""

_LAST = 19
"""Position of the decoder's last layer."""
_GROUPS = 4
_EPSILON = 1e-5

_MULTIPLE = 8
"""Factor by which the encoder shrinks: sides of pictures are cut to a multiple of it."""

_Layer: TypeAlias = Callable[[keras.KerasTensor, int], keras.KerasTensor]
"""A layer as a function of a (1, h, w, channels) tensor and the stride."""


class Autoencoder:
    """An image autoencoder; calling it reconstructs a photo.

    Args:
        encoder: An npz of the encoder's weights with keys `LAYER.weight`, `LAYER.conv.N.weight`, `LAYER.pool.N.weight`
            and biases; kernels are (out, in, height, width).
        decoder: An npz of the decoder's weights, likewise.

    Raises:
        DataError: If a file does not hold such weights.
    """

    def __init__(self, encoder: Path, decoder: Path) -> None:
        dtype = keras.dtype_policies.get(devices.policy(True)).compute_dtype
        try:
            weights = [_read(path) for path in (encoder, decoder)]
            self._stages = [{i: _layer(layers[i], dtype) for i in sorted(layers)} for layers in weights]
            first, last = (weights[i][position]["weight"].shape for i, position in ((0, 0), (1, _LAST)))
            if first[2] != 3 or last[3] != 3:
                raise ValueError("one of them takes or gives no colours")
        except (OSError, ValueError, EOFError, TypeError, KeyError, zipfile.BadZipFile, zlib.error) as error:
            raise DataError(f"{encoder.name} and {decoder.name} are not an autoencoder's weights ({error}).") from error
        self._dtype = dtype

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """The reconstruction of a photo.

        Args:
            pixels: (h, w, 3) uint8 RGB; its sides are cut to multiples of 8 px.

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
    """Weights by position of their layer; kernels are (height, width, in, out)."""
    layers: dict[int, dict[str, np.ndarray]] = {}
    with np.load(path) as stored:
        for name in stored.files:
            position, rest = name.split(".", 1)
            value = stored[name].astype(np.float32)
            layers.setdefault(int(position), {})[rest] = value.transpose(2, 3, 1, 0) if value.ndim == 4 else value
    return layers


def _layer(weights: dict[str, np.ndarray], dtype: str) -> _Layer:
    """A convolution, or a block of several."""
    tensors = {name: ops.cast(value, dtype) for name, value in weights.items()}

    def convolve(x: keras.KerasTensor, name: str, stride: int = 1) -> keras.KerasTensor:
        kernel = tensors[f"{name}weight"]
        margin = kernel.shape[0] // 2
        x = ops.pad(x, ((0, 0), (margin, margin), (margin, margin), (0, 0)))
        x = ops.conv(x, kernel, stride, padding="valid")
        return x + tensors[f"{name}bias"] if f"{name}bias" in tensors else x

    def block(x: keras.KerasTensor, _: int) -> keras.KerasTensor:
        if "pool.0.weight" in tensors:
            pooled = ops.relu(_normalised(convolve(x, "pool.0."), tensors["pool.1.weight"], tensors["pool.1.bias"]))
            x = x + convolve(pooled, "pool.3.")
        inner = x
        for name in ("conv.0.", "conv.2."):
            inner = ops.relu(convolve(inner, name))
        return ops.relu(convolve(inner, "conv.4.") + x)

    return block if "conv.0.weight" in tensors else lambda x, stride: convolve(x, "", stride)


def _normalised(x: keras.KerasTensor, scale: keras.KerasTensor, shift: keras.KerasTensor) -> keras.KerasTensor:
    """Group normalisation (Wu & He 2018)."""
    _, height, width, channels = x.shape
    grouped = ops.cast(ops.reshape(x, (1, height * width, _GROUPS, channels // _GROUPS)), "float32")
    mean, variance = ops.moments(grouped, (1, 3), keepdims=True)
    normal = ops.reshape((grouped - mean) / ops.sqrt(variance + _EPSILON), x.shape)
    return ops.cast(normal, x.dtype) * scale + shift


def reconstruct(data: Path, encoder: Path, decoder: Path, smallest: int, limit: int = 0) -> list[Skipped]:
    """Writes a reconstruction of each real picture of a data folder below `fake/reconstructed/`.

    Pictures that exist are kept, so a stopped run goes on where it was.

    Args:
        data: Data folder, see `sources.find`.
        encoder: See `Autoencoder`.
        decoder: See `Autoencoder`.
        smallest: Length of the shorter side, in pixels, below which a picture is left out.
        limit: Number of pictures to take of each folder at most; 0 takes all.

    Returns:
        (name, reason) of each real picture that could not be read.

    Raises:
        DataError: If there are no pictures, or the weights cannot be used.
        OSError: If a picture cannot be written.
    """
    autoencoder = Autoencoder(encoder, decoder)
    taken: dict[str, int] = {}
    refused: list[Skipped] = []
    reals = [source for source in find(data) if source.label == 0]
    for source in tqdm.tqdm(reals, desc="Reconstructing", unit=" photos", mininterval=10):
        if limit and taken.get(source.origin, 0) >= limit:
            continue
        above, below = labelled(source.name)
        out = data.joinpath(*above, "fake", RECONSTRUCTED, *below).with_suffix(".jpg")
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
