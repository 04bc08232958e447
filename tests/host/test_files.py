import pytest

from deepley.host.files import whole, write, write_json


def test_a_file_is_whole_or_as_it_was(tmp_path):
    path = tmp_path / "new" / "file.txt"
    write(path, "first ä")
    assert path.read_bytes() == "first ä".encode()
    with pytest.raises(FileNotFoundError), whole(path) as beside:
        beside.unlink()
    assert path.read_text(encoding="utf-8") == "first ä"
    assert [p.name for p in path.parent.iterdir()] == ["file.txt"]
    with whole(path) as beside:
        beside.write_text("second")
        assert path.read_text(encoding="utf-8") == "first ä"
    assert path.read_text() == "second"


def test_json_is_written_for_people(tmp_path):
    write_json(tmp_path / "a.json", {"a": [1]})
    assert (tmp_path / "a.json").read_text() == '{\n "a": [\n  1\n ]\n}\n'
