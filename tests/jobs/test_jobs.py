"""Jobs as they run: in real processes, on a tiny network."""

import dataclasses
import errno
import json
import os
import re
import signal
import time
from concurrent.futures.process import BrokenProcessPool

import psutil
import pytest

from deepley.__main__ import main
from deepley.errors import Refusal
from deepley.jobs import folder, local, trainer
from deepley.jobs.folder import Job
from deepley.jobs.job import JobConfig, JobError, JobStatus, State
from deepley.network import release
from deepley.recipes import Phase
from deepley.verdict.detector import Detector


def until(condition, seconds=90):
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)
    return found


@pytest.fixture
def config(data_folder, micro_recipe):
    return JobConfig("mine", str(data_folder), micro_recipe)


@pytest.fixture
def slow(config):
    """A job that would train for minutes."""
    phases = (dataclasses.replace(config.train.phases[1], rounds=3000),)
    return dataclasses.replace(config, train=dataclasses.replace(config.train, phases=phases, patience=3000))


@pytest.fixture
def root(tmp_path):
    yield tmp_path / "runs"
    for job in folder.every(tmp_path / "runs"):
        if not job.status.state.over:
            local.cancel(job)


@pytest.mark.slow
def test_two_jobs_run_in_order_and_the_second_starts_from_a_release(root, config, micro_release):
    head = (Phase("head", ("new",), 1, 16, crop=64, learning_rate=1e-6),)
    model = dataclasses.replace(config.train.model, kinds=("generated", "blended"))
    recipe = dataclasses.replace(config.train, phases=head, model=model, blends=1.0)
    jobs = [
        local.submit(root, config),
        local.submit(root, dataclasses.replace(config, train=recipe, start=str(micro_release))),
    ]
    until(lambda: all(job.status.state is State.COMPLETED for job in jobs) or None, 240)
    first, second = (job.status for job in jobs)
    assert first.ended <= second.started
    assert first.images == first.total == 2 * 48 + 3 * 32
    assert [row["round"] for row in jobs[0].history] == [1, 2, 3, 4, 5]
    assert "pictures" in jobs[0].log_tail(200).lower()
    detector = Detector(jobs[0].release)
    assert detector.release.name == "mine"
    assert not (jobs[0].folder / "cache").exists()
    before, after = release.load(micro_release).model, release.load(jobs[1].release).model
    same = [bool((a.numpy() == b.numpy()).all()) for a, b in zip(before.weights, after.weights) if "conv" in a.path]
    assert same
    assert jobs[1].release
    assert release.read_model_config(jobs[1].release).kinds == ("generated", "blended")
    assert json.loads((jobs[1].release / "config.json").read_text())["data"]["counts"]["train"]["blended"] == 24
    assert all(same)  # a release brings all stages: "new" is the head alone


@pytest.mark.slow
def test_a_killed_job_is_interrupted_and_resumes_from_its_checkpoint(root, slow):
    job = local.submit(root, slow)
    until(lambda: len(job.history) >= 2)
    assert job.status.state is State.RUNNING
    assert until(lambda: job.status.seconds_left) > 0
    os.killpg(job.status.pid, signal.SIGKILL)
    until(lambda: job.status.state is State.INTERRUPTED)
    assert "killed" in job.status.message
    assert job.status.started < job.status.ended < time.time()
    assert job.status.ended == job.status.ended  # its clock stands
    before = len(job.history)
    local.resume(job)
    with pytest.raises(JobError, match="already"):
        local.resume(job)
    until(lambda: len(job.history) > before)
    assert [row["round"] for row in job.history] == list(range(1, len(job.history) + 1))
    local.cancel(job)
    assert job.status.state is State.CANCELLED
    with pytest.raises(JobError, match="already"):
        local.cancel(job)


@pytest.mark.slow
def test_ten_jobs_at_once_start_exactly_one_whoever_dies(root, slow):
    jobs = [local.submit(root, slow) for _ in range(10)]
    running = until(lambda: [job for job in jobs if job.status.state is State.RUNNING])
    assert running == jobs[:1]
    worker = psutil.Process(jobs[0].status.pid).parent()
    worker.kill()  # the trainer goes on without it
    worker.wait()
    rounds = len(jobs[0].history)
    for _ in range(2):  # the app starts again, twice: each makes sure that somebody works
        local.ensure_worker(root)
    until(lambda: len(jobs[0].history) > rounds + 2)
    assert [job.status.state for job in jobs] == [State.RUNNING] + [State.QUEUED] * 9
    for job in jobs[2:]:
        local.cancel(job)
    local.cancel(jobs[0])
    until(lambda: jobs[1].status.state is State.RUNNING)


@pytest.mark.slow
def test_a_job_that_cannot_train_says_why_in_one_sentence(root, config, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    job = local.submit(root, dataclasses.replace(config, data=str(empty)))
    until(lambda: job.status.state.over)
    assert job.status.state is State.FAILED
    assert "holds no images" in job.status.message
    assert "Traceback" not in job.status.message


def test_the_status_survives_what_it_was_not_meant_for(root, config):
    job = folder.create(root, config)
    assert Job(job.folder).config == config
    stored = json.loads((job.folder / folder.STATUS).read_text())
    (job.folder / folder.STATUS).write_text(json.dumps(stored | {"later": 1}))
    assert job.status.state is State.QUEUED
    (job.folder / folder.STATUS).write_text("{")
    assert job.status.state is State.FAILED
    other = psutil.Process()  # alive, but another process than the one that trained
    job.write(JobStatus(State.RUNNING, 0.0, pid=other.pid, process_started=other.create_time() - 100))
    assert job.status.state is State.INTERRUPTED
    job.write(JobStatus(State.RUNNING, 0.0, pid=other.pid, process_started=other.create_time()))
    assert job.status.state is State.RUNNING
    job.write(JobStatus(State.COMPLETED, 0.0))


def test_a_job_that_is_cancelled_as_it_starts_does_not_train(root, config):
    job = folder.create(root, config)
    job.ask_to_cancel()
    assert trainer.run(job) == 0
    assert job.status.state is State.CANCELLED
    assert job.history == []


def test_a_job_whose_config_is_damaged_is_listed_without_its_name(root, config):
    job = folder.create(root, config)
    (job.folder / folder.CONFIG).write_text("{")
    assert folder.every(root)[0].name == ""


def test_pictures_that_are_gone_leave_no_job_behind(root, config, tmp_path):
    with pytest.raises(JobError, match="gone"):
        folder.create(root, config, tmp_path / "nothing")
    assert folder.every(root) == []
    assert list(root.iterdir()) == []


def test_a_log_shows_what_a_progress_bar_said_last(root, config):
    job = folder.create(root, config)
    bars = "\r  0%|    | 0/9\x1b[A\r 50%|██  | 5/9" * 20
    (job.folder / folder.LOG).write_text(f"reading\n{bars}\n\n\x1b[31mround 1\x1b[0m\r\n", newline="")
    assert job.log_tail() == "reading\n 50%|██  | 5/9\nround 1"


@pytest.mark.parametrize("name", ["nothing", "../escape", "", ".", "a/b"])
def test_a_job_that_does_not_exist_is_refused(root, name):
    with pytest.raises(JobError, match="There is no job"):
        folder.find(root, name)


def test_the_command_line_lists_shows_and_cancels(root, config, capsys):
    job = folder.create(root, config)  # queued, and nobody works
    arguments = ["jobs", "--root", str(root)]
    assert main([*arguments, "list"]) == 0
    assert f"{job.id}  queued" in capsys.readouterr().out
    assert main([*arguments, "show", job.id]) == 0
    assert json.loads(capsys.readouterr().out)["config"]["name"] == "mine"
    assert main([*arguments, "cancel", job.id]) == 0
    assert job.status.state is State.CANCELLED
    assert main([*arguments, "show", "nothing"]) == 1
    assert "There is no job" in capsys.readouterr().err


@pytest.mark.slow
def test_the_estimate_is_measured_and_of_the_size_of_the_training_itself(root, config):
    job = local.submit(root, config)
    said = local.estimate(config)
    until(lambda: job.status.state is State.COMPLETED or None)
    number, unit = re.fullmatch(r"About (\d+) (seconds|minutes)", said).groups()
    assert unit == "seconds"
    took = sum(row["seconds"] for row in job.history)
    assert took / 4 < float(number) < took * 6  # beside another training, and mostly compiling


@pytest.mark.slow
def test_what_cannot_be_measured_says_so(config):
    with pytest.raises(JobError, match="could not be measured"):
        local.estimate(dataclasses.replace(config, data="/nothing"))


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (MemoryError(), "Memory ran out."),
        (BrokenProcessPool("A process in the process pool was terminated abruptly"), "Memory ran out."),
        (RuntimeError("UNKNOWN: BrokenProcessPool: a process was terminated"), "Memory ran out."),
        (OSError(errno.ENOSPC, "No space left on device"), "The disk is full."),
        (Refusal("Take other pictures."), "Take other pictures."),
        (ValueError("bad shape"), "It failed: ValueError: bad shape"),
        (KeyError("x"), "It failed: KeyError"),
    ],
)
def test_a_failure_is_told_in_a_sentence(error, said):
    assert trainer._sentence(error).startswith(said)
