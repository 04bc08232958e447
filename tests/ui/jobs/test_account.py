"""Who may start, see and pay for what, on one's own machine and on a Space."""

from types import SimpleNamespace

import pytest

from deepley.jobs import folder
from deepley.jobs.job import JobConfig, JobError, Remote
from deepley.jobs.rented import huggingface
from deepley.recipes import PRESETS
from deepley.ui.jobs import account, machine

ALICE, BOB = (SimpleNamespace(username=name) for name in ("alice", "bob"))
LOGIN = SimpleNamespace(token="hf_alice")


@pytest.fixture
def runs(tmp_path):
    config = JobConfig("x", "data", PRESETS["quick"])
    folder.create(tmp_path, config)
    for owner in ("alice", "bob"):
        folder.create(tmp_path, config, remote=Remote(owner, "t4-small", 1.0, 0.4))
    return tmp_path


@pytest.fixture
def space(monkeypatch):
    monkeypatch.setenv("SPACE_ID", "alice/deepley")
    monkeypatch.setattr(huggingface, "token_of_this_machine", lambda: "the Space's own")


def test_at_home_everything_is_there(runs, monkeypatch):
    monkeypatch.setattr(huggingface, "token_of_this_machine", lambda: "hf_mine")
    assert len(account.jobs(runs, None)) == 3
    assert account.token(None) == "hf_mine"
    assert machine.remote_of(machine.HERE, None, None, None) is None


def test_at_home_without_an_account_the_way_to_one_is_named(monkeypatch):
    monkeypatch.setattr(huggingface, "token_of_this_machine", lambda: None)
    with pytest.raises(JobError, match="hf auth login"):
        account.token(None)
    assert account.reader(None) is None  # what is public can be read


def test_on_a_space_a_visitor_sees_and_touches_own_jobs_only(runs, space):
    _, mine, other = (job.id for job in folder.every(runs))
    assert account.jobs(runs, None) == []
    assert [job.id for job in account.jobs(runs, ALICE)] == [mine]
    assert account.find(runs, mine, ALICE).id == mine
    for name in (other, "nothing", "../x"):
        with pytest.raises(JobError, match="no job"):
            account.find(runs, name, ALICE)
    with pytest.raises(JobError, match="no job"):
        account.find(runs, mine, None)


def test_on_a_space_only_the_visitors_own_token_pays(space):
    assert account.token(LOGIN) == "hf_alice"
    for token in (account.token, account.reader):
        with pytest.raises(JobError, match="Log in above"):
            token(None)
    for where in (machine.HERE, machine.THERE, None):
        with pytest.raises(JobError):
            machine.remote_of(where, "t4-small 0.400000", 1, None)


def test_a_rented_machine_is_paid_by_the_account_of_the_token(monkeypatch):
    monkeypatch.setattr(huggingface, "token_of_this_machine", lambda: "hf_mine")
    monkeypatch.setattr(huggingface, "account", lambda token: {"hf_mine": "me"}[token])
    remote, token = machine.remote_of(machine.THERE, "t4-small 0.400000", 1.5, None)
    assert remote == Remote("me", "t4-small", 1.5, 0.4)
    assert token == "hf_mine"
    with pytest.raises(ValueError, match="time limit"):
        machine.remote_of(machine.THERE, "t4-small 0.400000", 0, None)


def test_the_price_is_the_most_that_it_can_cost():
    assert "At most $0.60" in machine.highest_price("t4-small 0.400000", 1.5)
