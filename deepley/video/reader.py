"""A video file as pairs of consecutive frames at regular times: it is checked first, then decoded as a stream."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from deepley.config import VideoLimits
from deepley.errors import Refusal
from deepley.video import frames

SUFFIXES = {".mp4", ".m4v", ".mov", ".webm", ".mkv", ".avi", ".gif"}
"""Suffixes of files that are treated as clips."""

_CUT = 30.0
"""Mean difference of two neighbours' 32 x 18 thumbnails, in grey levels, from which a cut lies between them."""

_MISSING = 1.0
"""Seconds by which the last frame may precede the stated end, as sound may be a little longer."""


class VideoError(Refusal):
    """A file that is not a usable clip; the message is a sentence for a person."""


@dataclass(frozen=True)
class Facts:
    """Facts that a container states of its video before anything is decoded.

    Attributes:
        format: FFmpeg's name of the container.
        codec: FFmpeg's name of the video codec.
        size: Size of the file in bytes.
        width: Width in pixels as stored, before rotation.
        height: Height in pixels as stored, before rotation.
        seconds: Length in seconds; None if the container does not state it.
        frames: Number of frames; None if the container does not state it.
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
        seconds: Presentation time in seconds, on the container's clock.
    """

    pixels: np.ndarray
    seconds: float


@dataclass(frozen=True)
class Pair:
    """Two consecutive frames of one shot.

    Attributes:
        first: First frame.
        second: Frame that follows it in the file.
        shot: Number of cuts before the pair.
    """

    first: Frame
    second: Frame
    shot: int


@dataclass(frozen=True)
class Reading:
    """What was read of a clip.

    Attributes:
        facts: Facts that the container states.
        frames: Number of decoded frames.
        start: Time of the first frame in seconds.
        end: Time of the last decoded frame in seconds.
        cuts: Times of the first frame after each cut in seconds.
        part: Analysed part and the reason why it is not all, as a sentence; None if all was analysed.
    """

    facts: Facts
    frames: int
    start: float
    end: float
    cuts: tuple[float, ...]
    part: str | None


def facts(path: Path, limits: VideoLimits = VideoLimits()) -> Facts:
    """Reads what the container states, without decoding a frame.

    Args:
        path: File of the clip.
        limits: Limits of size and format.

    Raises:
        VideoError: If the file is too large, is no clip of a known format, has no video, or has too large frames.
    """
    with _open(path, limits) as container:
        return _facts(path, container, limits)


def read(path: Path, limits: VideoLimits = VideoLimits()) -> Generator[Pair, None, Reading]:
    """Decodes a clip from its start.

    A pair never spans a cut: the next pair of the new shot is taken instead. A truncated file is read up to its end.

    Args:
        path: File of the clip.
        limits: Limits of size, format and length, and the time between two pairs.

    Yields:
        A pair every `limits.every` seconds.

    Returns:
        What was read.

    Raises:
        VideoError: If `facts` raises it, or no pair of frames can be decoded.
    """
    with _open(path, limits) as container:
        known = _facts(path, container, limits)
        stream = _prepared(container, limits)
        before: VideoFrame | None = None
        small: np.ndarray | None = None
        why: str | None = None
        reason: Exception | None = None
        cuts: list[float] = []
        start, due, pairs, count = 0.0, 0.0, 0, 0
        for frame in frames.decoded(container, stream):
            if isinstance(frame, Exception):
                why, reason = "the file is damaged there", frame
                break
            if frame.width * frame.height > limits.max_pixels:
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
            here = frames.thumbnail(frame)
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
        part = _part(known, start, before, why)
        return Reading(known, count, start, before.time, tuple(cuts), part)


def _upright(frame: VideoFrame) -> Frame:
    """A decoded frame with its time."""
    return Frame(frames.upright(frame), float(frame.time))


def _part(known: Facts, start: float, last: VideoFrame, why: str | None) -> str | None:
    """The analysed part of a clip as a sentence, see `Reading`; `why` is the reason why reading stopped, if any."""
    shown = float(last.duration * last.time_base) if last.duration and last.time_base else 0.0
    if not why and known.seconds and known.seconds - (last.time + shown - start) > _MISSING:
        why = f"no picture follows, though the file says that it lasts {known.seconds:.1f} seconds"
    return f"Only the part from {start:.1f} to {last.time:.1f} seconds was analysed: {why}." if why else None


def _open(path: Path, limits: VideoLimits) -> av.container.InputContainer:
    """Opens a file after checking its size."""
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
    # FFmpeg raises OSError, ValueError and others; each means that the file cannot be opened.
    except Exception as error:
        raise VideoError(
            "This is not a clip in a format that can be read here (MP4, MOV, WebM, MKV, AVI or GIF), or it is "
            "damaged or incomplete."
        ) from error


def _facts(path: Path, container: av.container.InputContainer, limits: VideoLimits) -> Facts:
    """What an open container states."""
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
    """The first video stream; FFmpeg treats the cover picture of a song as one too."""
    streams = [s for s in container.streams.video if not s.disposition & av.stream.Disposition.attached_pic]
    if not streams:
        raise VideoError("The file has sound but no picture." if container.streams.audio else "The file has no video.")
    return streams[0]


def _prepared(container: av.container.InputContainer, limits: VideoLimits) -> VideoStream:
    """The first video stream, set up for decoding."""
    stream = _video(container)
    stream.thread_type = "AUTO"
    # A stream may change its size midway, so FFmpeg must check it before decoding.
    stream.codec_context.options = {"max_pixels": str(limits.max_pixels)}
    return stream


def _too_large(width: int, height: int, limits: VideoLimits) -> VideoError:
    """The error for frames that are too large."""
    return VideoError(
        f"The frames have {width} x {height} pixels; at most {limits.max_pixels / 1e6:.0f} megapixels are accepted. "
        "Export the clip at a smaller size."
    )
