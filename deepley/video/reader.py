"""A video file as pairs of consecutive frames at regular times: checked first, then decoded as a stream, never held."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from deepley.config import VideoLimits
from deepley.errors import Refusal

SUFFIXES = {".mp4", ".m4v", ".mov", ".webm", ".mkv", ".avi", ".gif"}
"""Names of files that are taken for clips."""

_CUT = 30.0
"""Mean difference, in grey levels, of two neighbours' 32 x 18 thumbnails from which a cut lies between them."""

_MISSING = 1.0
"""Seconds by which the last frame may come before the end that the container claims; sound may last a little longer."""


class VideoError(Refusal):
    """A file that is not a usable clip; the message is one sentence for a person."""


@dataclass(frozen=True)
class Facts:
    """What a container says of its video before anything is decoded.

    Attributes:
        format: FFmpeg's name of the container.
        codec: FFmpeg's name of the video codec.
        size: Of the file, in bytes.
        width: As stored, before rotation, in pixels.
        height: As stored, before rotation, in pixels.
        seconds: Length, or None where the container does not say.
        frames: Number of frames, or None where the container does not say.
    """

    format: str
    codec: str
    size: int
    width: int
    height: int
    seconds: float | None
    frames: int | None


@dataclass(frozen=True)
class Frame:
    """A decoded frame.

    Attributes:
        pixels: (height, width, 3) uint8, RGB, upright.
        seconds: When it is shown, from the container's own clock.
    """

    pixels: np.ndarray
    seconds: float


@dataclass(frozen=True)
class Pair:
    """Two consecutive frames of one shot.

    Attributes:
        first: The frame.
        second: The one that follows it in the file.
        shot: Number of cuts before it.
    """

    first: Frame
    second: Frame
    shot: int


@dataclass(frozen=True)
class Reading:
    """What was read of a clip.

    Attributes:
        facts: What the container says.
        frames: Number decoded.
        start: Time of the first frame, in seconds.
        end: Time of the last frame decoded, in seconds.
        cuts: Times of the first frame after each cut, in seconds.
        part: Which part was analysed and why not all, in a sentence; None if all of it was.
    """

    facts: Facts
    frames: int
    start: float
    end: float
    cuts: tuple[float, ...]
    part: str | None


def facts(path: Path, limits: VideoLimits = VideoLimits()) -> Facts:
    """Reads what the container says of itself, without decoding a frame.

    Raises:
        VideoError: If the file is too large or no clip of a known format, has no video, or frames that are too large.
    """
    with _open(path, limits) as container:
        return _facts(path, container, limits)


def read(path: Path, limits: VideoLimits = VideoLimits()) -> Iterator[Pair | Reading]:
    """Decodes a clip from its start; yields a pair every `limits.every` seconds, and last the `Reading`.

    A pair never spans a cut: it is the next one of the new shot instead. A file that breaks off is analysed as far as
    it goes.

    Raises:
        VideoError: As `facts` does, or if there is no pair of frames in it.
    """
    with _open(path, limits) as container:
        known = _facts(path, container, limits)
        stream = _video(container)
        stream.thread_type = "AUTO"
        # A stream may change its size on the way: it must not be decoded before that is seen.
        stream.codec_context.options = {"max_pixels": str(limits.max_pixels)}
        before, small, start, due, pairs = None, None, 0.0, 0.0, 0
        count, cuts, why, reason = 0, [], None, None
        decoder = _decode(container, stream)
        for frame in decoder:
            if isinstance(frame, Exception):
                why, reason = "the file is damaged there", frame
                break
            if frame.width * frame.height > limits.max_pixels:  # a stream may change its size on the way
                raise _too_large(frame.width, frame.height, limits)
            if before is None:
                start = due = frame.time
            elif frame.time - start > limits.max_seconds:
                why = f"at most {limits.max_seconds:.0f} seconds are analysed"
                break
            elif count >= limits.max_frames:
                why = f"at most {limits.max_frames} frames are decoded"
                break
            count += 1
            here = _thumbnail(frame)
            if small is not None and np.abs(here - small).mean() >= _CUT:
                cuts.append(frame.time)
            elif before is not None and before.time >= due - 1e-6:
                yield Pair(_upright(before), _upright(frame), len(cuts))
                pairs += 1
                due = start + limits.every * (np.floor((before.time - start) / limits.every + 1e-6) + 1)
            before, small = frame, here
        if before is None:
            raise VideoError("No frame of this clip can be decoded: the file is damaged or incomplete.") from reason
        if count == 1 and not why:
            raise VideoError("This clip is a single frame: check it as a photo.")
        if not pairs:
            raise VideoError("No two consecutive frames of one shot can be decoded from this clip.") from reason
        shown = float(before.duration * before.time_base) if before.duration else 0.0
        if not why and known.seconds and known.seconds - (before.time + shown - start) > _MISSING:
            why = f"no picture follows, though the file says that it lasts {known.seconds:.1f} seconds"
        part = f"Only the part from {start:.1f} to {before.time:.1f} seconds was analysed: {why}." if why else None
        yield Reading(known, count, start, before.time, tuple(cuts), part)


def _open(path: Path, limits: VideoLimits) -> av.container.InputContainer:
    try:
        size = path.stat().st_size
    except OSError as error:
        raise VideoError(f"The file cannot be read: {error.strerror}.") from error
    if not size:
        raise VideoError("The file is empty.")
    if size > limits.max_bytes:
        raise VideoError(
            f"The file has {size / 1e6:.0f} MB; at most {limits.max_bytes / 1e6:.0f} MB are accepted. "
            "Cut the clip shorter or export it smaller."
        )
    options = {"format_whitelist": ",".join(limits.formats), "protocol_whitelist": "file"}
    try:
        return av.open(str(path.resolve()), options=options)
    # FFmpeg's errors come as OSError, ValueError and others: whatever it is, this file cannot be opened.
    except Exception as error:
        raise VideoError(
            "This is not a clip in a format that can be read here (MP4, MOV, WebM, MKV, AVI or GIF), or it is "
            "damaged or incomplete."
        ) from error


def _facts(path: Path, container: av.container.InputContainer, limits: VideoLimits) -> Facts:
    stream = _video(container)
    width, height = stream.codec_context.width, stream.codec_context.height
    if width * height > limits.max_pixels:
        raise _too_large(width, height, limits)
    length = container.duration / av.time_base if container.duration else None
    return Facts(
        container.format.name, stream.codec_context.name, path.stat().st_size, width, height, length,
        stream.frames or None,
    )  # fmt: skip


def _video(container: av.container.InputContainer) -> VideoStream:
    # A cover picture of a song is a video stream for FFmpeg.
    streams = [s for s in container.streams.video if not s.disposition & av.stream.Disposition.attached_pic]
    if not streams:
        raise VideoError("The file has sound but no picture." if container.streams.audio else "The file has no video.")
    return streams[0]


def _too_large(width: int, height: int, limits: VideoLimits) -> VideoError:
    return VideoError(
        f"The frames have {width} x {height} pixels; at most {limits.max_pixels / 1e6:.0f} megapixels are accepted. "
        "Export the clip at a smaller size."
    )


def _decode(container: av.container.InputContainer, stream: VideoStream) -> Iterator[VideoFrame | Exception]:
    """Frames with a time; an error is the last item."""
    try:
        yield from (frame for frame in container.decode(stream) if frame.time is not None)
    except Exception as error:  # see _open: what FFmpeg raises on hostile files has no common type
        yield error


def _thumbnail(frame: VideoFrame) -> np.ndarray:
    return frame.reformat(32, 18, "gray", interpolation="AREA").to_ndarray().astype(np.int16)


def _upright(frame: VideoFrame) -> Frame:
    pixels = frame.to_ndarray(format="rgb24")
    turns = round(frame.rotation / 90) % 4  # counterclockwise, as the player turns it
    if turns:
        turn = (cv2.ROTATE_90_COUNTERCLOCKWISE, cv2.ROTATE_180, cv2.ROTATE_90_CLOCKWISE)[turns - 1]
        pixels = cv2.rotate(pixels, turn)
    return Frame(pixels, float(frame.time))
