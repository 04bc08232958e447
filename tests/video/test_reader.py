import wave

import av
import numpy as np
import pytest
from PIL import Image

from deepley.config import VideoLimits
from deepley.video import frames, reader
from deepley.video.reader import Reading, VideoError
from tests.video import film

QUARTER = VideoLimits(every=0.25)


def _read(path, limits=QUARTER):
    pairs, reading = film.drained(reader.read(path, limits))
    assert isinstance(reading, Reading)
    return pairs, reading


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("a.mp4", "libx264"),
        ("a.mov", "libx264"),
        ("a.mkv", "libx264"),
        ("a.webm", "libvpx-vp9"),
        ("a.avi", "mpeg4"),
        ("a.gif", "gif"),
    ],
)
def test_every_format_gives_pairs_at_regular_times(tmp_path, name, codec):
    path = film.write(tmp_path / name, film.moving(50), codec=codec)
    pairs, reading = _read(path)
    # 2 seconds; containers round times to their own clock, a GIF's to a hundredth of a second.
    wanted = np.arange(0, 2, 0.25)
    np.testing.assert_allclose([pair.first.seconds - reading.start for pair in pairs], wanted, atol=0.045)
    gaps = [pair.second.seconds - pair.first.seconds for pair in pairs]
    np.testing.assert_allclose(gaps, 0.04, atol=0.011)
    assert reading.frames == 50
    assert reading.part is None
    assert reading.cuts == ()
    assert pairs[0].first.pixels.shape == (96, 128, 3)
    assert pairs[0].first.pixels.dtype == np.uint8


def test_the_facts_are_known_before_anything_is_decoded(tmp_path, monkeypatch):
    path = film.write(tmp_path / "a.mp4", film.moving(50))
    monkeypatch.setattr(frames, "decoded", lambda *_: pytest.fail("decoded"))
    found = reader.facts(path)
    assert (found.width, found.height, found.frames, found.codec) == (128, 96, 50, "h264")
    assert found.seconds == pytest.approx(2)
    assert found.size == path.stat().st_size


def test_frames_of_a_pair_are_neighbours(tmp_path):
    path = film.write(tmp_path / "a.mkv", (np.full((48, 64, 3), i, np.uint8) for i in range(40)), codec="ffv1")
    pairs, _ = _read(path)
    assert [(pair.first.pixels[0, 0, 0], pair.second.pixels[0, 0, 0]) for pair in pairs] == [
        (i, i + 1) for i in (0, 7, 13, 19, 25, 32, 38)
    ]


@pytest.mark.parametrize("rotation", [90, 180, -90])
def test_a_clip_turned_by_its_rotation_flag_is_upright(tmp_path, rotation):
    upright = np.zeros((96, 64, 3), np.uint8)
    upright[:48, :32] = (250, 20, 20)
    stored = np.rot90(upright, -rotation // 90)
    pairs, _ = _read(film.write(tmp_path / "a.mp4", [stored] * 10, rotation=rotation))
    shown = pairs[0].first.pixels
    assert shown.shape == (96, 64, 3)
    corners = [shown[y, x, 0] > 128 for y, x in ((24, 16), (24, 48), (72, 16), (72, 48))]
    assert corners == [True, False, False, False]


def test_a_variable_frame_rate_is_read_by_the_clock(tmp_path):
    times = [*np.arange(0, 1, 0.04), *np.arange(1, 3, 0.2)]
    pairs, reading = _read(film.write(tmp_path / "a.mkv", film.moving(len(times)), times=times))
    first = [pair.first.seconds for pair in pairs]
    np.testing.assert_allclose(first, [0, 0.28, 0.52, 0.76, 1, 1.4, 1.6, 1.8, 2, 2.4, 2.6], atol=0.011)
    assert pairs[-1].second.seconds - pairs[-1].first.seconds == pytest.approx(0.2, abs=0.01)
    assert reading.end == pytest.approx(2.8, abs=0.01)


def test_a_cut_is_seen_and_no_pair_spans_it(tmp_path):
    dark, light = np.full((96, 128, 3), 40, np.uint8), np.full((96, 128, 3), 200, np.uint8)
    path = film.write(tmp_path / "a.mp4", [dark] * 13 + [light] * 12)
    pairs, reading = _read(path)
    assert reading.cuts == (pytest.approx(0.52),)
    assert [pair.shot for pair in pairs] == [0, 0, 1, 1]
    for pair in pairs:
        assert abs(int(pair.first.pixels.mean()) - int(pair.second.pixels.mean())) < 5


@pytest.mark.parametrize(
    ("limits", "seconds", "words"),
    [
        (VideoLimits(max_seconds=1), 1.0, "from 0.0 to 1.0 seconds was analysed: at most 1 seconds"),
        (VideoLimits(max_frames=20), 0.76, "from 0.0 to 0.8 seconds was analysed: at most 20 frames"),
    ],
)
def test_a_clip_that_is_too_long_is_read_in_part_and_says_which(tmp_path, limits, seconds, words):
    _, reading = _read(film.write(tmp_path / "a.mp4", film.moving(60)), limits)
    assert reading.end == pytest.approx(seconds)
    assert words in reading.part


def test_frames_are_streamed(tmp_path, monkeypatch):
    path, decoded, thumbnail = film.write(tmp_path / "a.mp4", film.moving(60)), [], frames.thumbnail
    monkeypatch.setattr(frames, "thumbnail", lambda frame: decoded.append(frame.time) or thumbnail(frame))
    pairs = reader.read(path, QUARTER)
    assert next(pairs).first.seconds == 0
    assert len(decoded) == 2
    next(pairs)
    assert len(decoded) == 9


def test_a_gif_whose_last_picture_is_held_was_read_whole(tmp_path):
    pictures = [Image.fromarray(frame) for frame in film.moving(10)]
    durations = [100] * 9 + [3000]
    pictures[0].save(tmp_path / "a.gif", save_all=True, append_images=pictures[1:], duration=durations, loop=0)
    _, reading = _read(tmp_path / "a.gif")
    assert reading.frames == 10
    assert reading.part is None


def test_a_broken_tail_is_left_out(tmp_path):
    whole = film.write(tmp_path / "a.mkv", film.moving(100)).read_bytes()
    (tmp_path / "b.mkv").write_bytes(whole[: len(whole) * 2 // 3])
    pairs, reading = _read(tmp_path / "b.mkv")
    assert 2 < len(pairs) < 16
    assert reading.frames < 100
    assert "no picture follows, though the file says that it lasts 4.0 seconds" in reading.part


def test_a_cover_picture_is_no_video(tmp_path):
    _song(tmp_path / "song.mp4")
    with av.open(str(tmp_path / "song.mp4")) as song, av.open(str(tmp_path / "a.mp4"), "w") as container:
        cover, sound = container.add_stream("mjpeg", rate=1), container.add_stream_from_template(song.streams.audio[0])
        cover.width, cover.height, cover.pix_fmt = 64, 64, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        picture = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
        container.mux([*cover.encode(picture), *cover.encode()])
        for packet in song.demux(audio=0):
            if packet.dts is not None:
                packet.stream = sound
                container.mux(packet)
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert len(container.streams.video) == 1
    with pytest.raises(VideoError, match="sound but no picture"):
        list(reader.read(tmp_path / "a.mp4"))


def _song(path):
    with wave.open(str(path.with_suffix(".wav")), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(16000))
    with av.open(str(path.with_suffix(".wav"))) as source, av.open(str(path), "w") as target:
        stream = target.add_stream("aac", rate=8000)
        for frame in source.decode(audio=0):
            target.mux(stream.encode(frame))
        target.mux(stream.encode())


def test_what_is_no_clip_is_refused_with_a_sentence(tmp_path):
    whole = film.write(tmp_path / "whole.mp4", film.moving(30)).read_bytes()
    film.write(tmp_path / "one.mp4", film.moving(1))
    film.write(tmp_path / "large.mp4", film.moving(2, (400, 600)))
    _song(tmp_path / "song.mp4")
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "cut.mp4").write_bytes(whole[:-700])  # its index was at the end
    (tmp_path / "text.mp4").write_bytes(b"hello" * 100)
    (tmp_path / "list.m3u8").write_text("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nwhole.mp4\n#EXT-X-ENDLIST\n")
    (tmp_path / "list.ffconcat").write_text("ffconcat version 1.0\nfile whole.mp4\n")
    small = VideoLimits(max_pixels=100_000, max_bytes=len(whole) + 100_000)
    for name, words in (
        ("one.mp4", "single frame"),
        ("large.mp4", "600 x 400 pixels"),
        ("song.mp4", "sound but no picture"),
        ("empty.mp4", "empty"),
        ("cut.mp4", "damaged or incomplete"),
        ("text.mp4", "not a clip"),
        ("list.m3u8", "not a clip"),
        ("list.ffconcat", "not a clip"),
        ("gone.mp4", "No such file"),
    ):
        with pytest.raises(VideoError, match=words):
            list(reader.read(tmp_path / name, small))
    with pytest.raises(VideoError, match="at most 0 MB"):
        list(reader.read(tmp_path / "whole.mp4", VideoLimits(max_bytes=100)))
