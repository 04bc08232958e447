"""Jobs on rented machines, through the real client, against a server that speaks the Hub's protocol and runs them."""

import dataclasses
import json
import os
import subprocess
import sys
import tarfile
import time

import pytest

from deepley.hub import client
from deepley.jobs import folder, local
from deepley.jobs.job import JobConfig, JobError, Remote, State
from deepley.jobs.rented import follower, huggingface, staging
from deepley.network import release
from tests.hub.server import Fault
from tests.jobs.test_jobs import until


@pytest.fixture
def config(data_folder, micro_recipe, micro_release):
    short = dataclasses.replace(micro_recipe, phases=(dataclasses.replace(micro_recipe.phases[1], rounds=2),))
    return JobConfig("mine", str(data_folder), short, start=str(micro_release))


@pytest.fixture
def job(tmp_path, config):
    """A job that nobody follows yet."""
    remote = Remote("alice", "cpu-basic", 1.0, 0.01)
    return folder.create(tmp_path / "runs", config, remote=remote)


def _does(hub, job, script, monkeypatch, seconds=3600):
    """Lets the rented machine run `script` instead of a training."""
    monkeypatch.setattr(follower, "command", lambda *_, **__: ["bash", "-c", script])


@pytest.mark.slow
def test_a_job_is_staged_privately_runs_the_same_command_line_there_and_comes_back(hub, api, job, config):
    assert follower.follow(job, api, "hf_alice", poll=0.5) == 0, job.log_tail(200)
    status = job.status
    assert status.state is State.COMPLETED
    assert status.images == status.total == 64
    assert [row["round"] for row in job.history] == [1, 2]
    assert release.load(job.release).name == "mine"

    (name,) = hub.repos
    assert name == f"datasets/alice/deepley-job-{job.id}"
    assert hub.repos[name].private
    staged = list(hub.repos[name].commits.values())[1]
    assert json.loads(staged["job/config.json"])["start"] == "start"
    assert "code/deepley/__main__.py" in staged
    (there,) = hub.jobs.values()
    assert there.asked["labels"]["deepley"] == job.id
    assert there.asked["timeoutSeconds"] == 3600
    assert there.asked["flavor"] == "cpu-basic"
    assert "hf_alice" not in json.dumps({**there.asked, "secrets": None})
    log = (job.folder / "log.txt").read_text()
    assert log.count("round 1 (all)") == 1
    assert not any("hf_alice" in p.read_text(errors="ignore") for p in job.folder.rglob("*") if p.is_file())


def test_pictures_of_a_folder_travel_as_one_tar_that_training_reads_in_place(job, data_folder, tmp_path):
    from deepley.training.data.sources import find

    packed = staging.packed_pictures(data_folder, tmp_path / "packed.tar")
    with tarfile.open(packed) as archive:
        assert all(member.isreg() for member in archive)
    assert [s.read() for s in find(packed)] == [s.read() for s in find(data_folder)]


def test_a_dropped_connection_and_too_many_requests_are_outlived(hub, api, job, monkeypatch):
    _does(hub, job, "echo one; sleep 2; echo two; exit 3", monkeypatch)
    hub.faults = [Fault(r"GET /api/jobs/alice/\w+$", times=2), Fault(r"GET /api/jobs/alice/\w+$", 429, times=1)]
    follower.follow(job, api, "hf_alice", poll=0.1)
    assert job.status.state is State.FAILED
    assert "exit code: 3" in job.status.message
    assert [line for line in job.log_tail().splitlines() if line in ("one", "two")] == ["one", "two"]


def test_a_hub_that_stays_silent_leaves_the_job_to_be_found_again(hub, api, job, monkeypatch):
    _does(hub, job, "sleep 1; echo done; exit 3", monkeypatch)
    hub.faults = [Fault(r"GET /api/jobs/alice/\w+$", 503, times=6)]
    follower.follow(job, api, "hf_alice", poll=0.01)
    assert job.status.state is State.INTERRUPTED
    assert "goes on there" in job.status.message
    job.queue()
    follower.follow(job, api, "hf_alice", poll=0.1)
    assert job.status.state is State.FAILED
    assert len(hub.jobs) == 1


def test_an_answer_that_got_lost_does_not_start_a_second_job(hub, api, job, monkeypatch):
    """The Hub runs it, and the connection breaks before it says so."""
    _does(hub, job, "sleep 2", monkeypatch)
    staged = hub.run("alice", {"command": ["sleep", "30"], "labels": {"deepley": job.id}})
    staged.kill()
    until(lambda: staged.stage == "ERROR" or None)
    running = hub.run("alice", {"command": ["sleep", "1"], "labels": {"deepley": job.id}})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(follower, "_ended", lambda *a: dataclasses.replace(a[3], state=State.COMPLETED))
        follower.follow(job, api, "hf_alice", poll=0.1)
    assert len(hub.jobs) == 2
    assert job.remote.job == running.id


def test_a_job_that_runs_into_its_limit_says_so(hub, api, job, monkeypatch):
    _does(hub, job, "sleep 60", monkeypatch)
    job.write_remote(dataclasses.replace(job.remote, hours=1 / 3600))
    follower.follow(job, api, "hf_alice", poll=0.1)
    assert job.status.state is State.FAILED
    assert "time limit" in job.status.message


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (Fault(r"POST /api/jobs/alice", 402), "payment method"),
        (Fault(r"POST /api/repos/create", 403), "right to write"),
        (Fault(r"POST /api/datasets/.*/commit", 500), "error (500)"),
    ],
)
def test_a_start_that_the_hub_refuses_fails_with_a_sentence(hub, api, job, fault, says):
    hub.faults = [fault]
    assert follower.follow(job, api, "hf_alice", poll=0.1) == 1
    assert job.status.state is State.FAILED
    assert says in job.status.message
    assert not hub.jobs


def test_a_release_that_is_not_what_its_config_says_is_not_taken(hub, api, job, monkeypatch, micro_release):
    monkeypatch.setattr(follower, "command", lambda *_, **__: ["true"])
    fetch = follower._fetch

    def lying(job_, api_, remote, name):
        if not name.startswith("release/"):
            return fetch(job_, api_, remote, name)
        path = job_.folder / ".there" / "job" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        content = (micro_release / path.name).read_bytes() if (micro_release / path.name).exists() else b""
        path.write_bytes(content[:-1] + b"x" if name.endswith("safetensors") else content)
        return path

    monkeypatch.setattr(follower, "_fetch", lying)
    follower.follow(job, api, "hf_alice", poll=0.1)
    assert job.status.state is State.FAILED
    assert "SHA-256" in job.status.message
    assert job.release is None


def test_cancelling_ends_the_job_there_and_the_process_here(hub, config, tmp_path, monkeypatch):
    monkeypatch.setattr(client, "api", lambda token: _api(hub, token))
    remote = Remote("alice", "cpu-basic", 1.0, 0.6)
    job = folder.create(tmp_path / "runs", config, remote=remote)
    script = (
        "import sys; from pathlib import Path; from deepley.jobs.rented import follower;"
        "from deepley.jobs.folder import Job;"
        "from deepley.hub import client; follower.command = lambda *a, **k: ['sleep', '60'];"
        "follower.follow(Job(Path(sys.argv[1])), client.api('hf_alice'), 'hf_alice', 0.1)"
    )
    environment = os.environ | {"HF_ENDPOINT": hub.url}
    process = subprocess.Popen([sys.executable, "-c", script, str(job.folder)], env=environment, start_new_session=True)
    until(lambda: job.remote.job or None)
    assert local.next_queued(tmp_path / "runs") is None
    assert huggingface.cost(job) < 0.6
    huggingface.cancel(job, "hf_alice")
    process.wait(20)
    assert job.status.state is State.CANCELLED
    (there,) = hub.jobs.values()
    assert there.stage == "CANCELED"


def test_a_job_cancelled_before_its_start_was_noted_is_cancelled_there_too(hub, job, monkeypatch):
    monkeypatch.setattr(client, "api", lambda token: _api(hub, token))
    started = hub.run("alice", {"command": ["sleep", "60"], "labels": {"deepley": job.id}})
    huggingface.cancel(job, "hf_alice")
    assert started.stage == "CANCELED"
    assert job.status.state is State.CANCELLED


def _api(hub, token):
    from huggingface_hub import HfApi

    return HfApi(endpoint=hub.url, token=token)


def test_a_job_that_the_hub_does_not_cancel_goes_on(hub, job, monkeypatch):
    monkeypatch.setattr(client, "api", lambda token: _api(hub, token))
    job.write_remote(dataclasses.replace(job.remote, job="5", begun=time.time()))
    hub.faults = [Fault(r"POST .*/cancel", 500)]
    with pytest.raises(JobError, match="goes on"):
        huggingface.cancel(job, "hf_alice")


def test_machines_for_rent_have_a_price_by_the_hour(hub, api):
    cheap, dear = huggingface.flavors(api)
    assert (cheap.name, dear.name) == ("cpu-basic", "t4-small")
    assert dear.per_hour == pytest.approx(0.40, abs=0.01)
    assert "T4" in dear.text


def test_the_account_behind_a_token(hub, monkeypatch):
    monkeypatch.setattr(client, "api", lambda token: _api(hub, token))
    assert huggingface.account("hf_alice") == "alice"
    with pytest.raises(JobError, match="log in again"):
        huggingface.account("hf_nobody")


def test_a_machine_with_a_gpu_installs_what_it_needs():
    assert "and-cuda" in follower.command("a/b", "0" * 40, gpu=True)[-1]
    assert "and-cuda" not in follower.command("a/b", "0" * 40, gpu=False)[-1]
