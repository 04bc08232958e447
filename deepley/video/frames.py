"""Single frames as FFmpeg decodes them."""

from __future__ import annotations

from collections.abc import Iterator

import av
import cv2
import numpy as np
from av.video.frame import VideoFrame
from av.video.stream import VideoStream


def decoded(container: av.container.InputContainer, stream: VideoStream) -> Iterator[VideoFrame | Exception]:
    """The frames of a stream that have a time; an error of FFmpeg is yielded last."""
    try:
        yield from (frame for frame in container.decode(stream) if frame.time is not None)
    except Exception as error:  # FFmpeg's errors have no common type
        yield error


def thumbnail(frame: VideoFrame) -> np.ndarray:
    """The grey levels of a small copy of a frame, (18, 32) int16."""
    return frame.reformat(32, 18, "gray", interpolation="AREA").to_ndarray().astype(np.int16)


def upright(frame: VideoFrame) -> np.ndarray:
    """The pixels of a frame, rotated as a player shows them: (height, width, 3) uint8 RGB."""
    pixels: np.ndarray = frame.to_ndarray(format="rgb24")
    turns = round(frame.rotation / 90) % 4  # counterclockwise
    if turns:
        turn = (cv2.ROTATE_90_COUNTERCLOCKWISE, cv2.ROTATE_180, cv2.ROTATE_90_CLOCKWISE)[turns - 1]
        pixels = cv2.rotate(pixels, turn)
    return pixels
