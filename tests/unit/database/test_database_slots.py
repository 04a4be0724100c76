"""A file of a few slots: what was written is there for the next process, whole or not at all."""

import os
import stat

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from konversi.database import slots
from konversi.database.slots import NUMBER, Slots, pieces

OWNER, OTHER = b"owner..1", b"owner..2"
LARGEST = 4_096 - 16


@pytest.fixture
def path(tmp_path):
    return tmp_path / "one.db-staged"


@pytest.fixture
def file(path):
    made = Slots(path, OWNER)
    yield made
    made.close(needed=True)


def test_what_is_written_is_found_in_the_order_of_the_slots(file, path):
    for slot in (2, 0, NUMBER - 1):
        assert file.write(slot, b"piece %d" % slot)
    assert pieces(path, OWNER) == [b"piece 0", b"piece 2", b"piece 7"]


def test_a_piece_goes_over_what_was_in_its_slot_however_long_that_was(file, path):
    for piece in (b"x" * LARGEST, b"short", b"", b"y" * LARGEST):
        assert file.write(1, piece)
        assert pieces(path, OWNER) == [piece]


def test_one_that_is_too_large_is_not_written(file, path):
    file.write(0, b"before")
    assert not file.write(0, b"x" * (LARGEST + 1))
    assert pieces(path, OWNER) == [b"before"]


def test_what_is_cleared_is_nowhere_in_the_file(file, path):
    for slot in range(3):
        file.write(slot, b"secret %d" % slot)
    file.clear(2)
    assert pieces(path, OWNER) == [b"secret 2"]
    assert b"secret 0" not in path.read_bytes()
    assert path.stat().st_size == NUMBER * 4_096


def test_another_owners_pieces_are_none(file, path):
    file.write(0, b"mine")
    assert pieces(path, OTHER) == []
    made = Slots(path, OTHER)
    made.write(1, b"theirs")
    made.close(needed=True)
    assert pieces(path, OTHER) == [b"theirs"]
    assert pieces(path, OWNER) == []


def test_where_there_is_no_file_there_are_no_pieces(path):
    assert pieces(path, OWNER) == []


def test_the_file_stays_where_it_is_needed_and_is_gone_otherwise(path):
    for needed in (True, False):
        Slots(path, OWNER).close(needed=needed)
        assert path.exists() is needed


def test_nobody_else_may_read_it(file, path):
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_it_is_made_and_each_piece_is_flushed_before_anybody_is_told(path, monkeypatch):
    done = []

    def watched(name):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *given: (done.append(name), real(*given))[1])

    watched("write")
    watched("fsync")
    monkeypatch.setattr(slots, "_flush", lambda file: (done.append("flush"), os.fdatasync(file)))
    made = Slots(path, OWNER)
    assert done == ["write", "fsync", "fsync"]  # the file, and the folder that names it
    done.clear()
    made.write(0, b"piece")
    assert done == ["write", "flush"]
    made.close(needed=False)


def half(file, content):
    return os.pwrite(file, content[: len(content) // 2], os.lseek(file, 0, os.SEEK_CUR))


def full(_file, _content):
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("write", [half, full])
def test_a_piece_that_finds_no_room_is_not_taken_for_durable(file, path, monkeypatch, write):
    file.write(0, b"before")
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", write)
        assert not file.write(1, b"piece")
    assert pieces(path, OWNER) == [b"before"]


@pytest.mark.parametrize("write", [half, full])
def test_a_file_that_does_not_find_all_its_room_is_none(path, monkeypatch, write):
    closed, close = [], os.close
    monkeypatch.setattr(os, "write", write)
    monkeypatch.setattr(os, "close", lambda file: (closed.append(file), close(file)))
    with pytest.raises(OSError, match="No space left"):
        Slots(path, OWNER)
    assert len(closed) == 1


def test_a_flush_that_fails_is_told(file, monkeypatch):
    def fail(_file):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(slots, "_flush", fail)
    with pytest.raises(OSError, match="Input/output"):
        file.write(0, b"piece")


@settings(max_examples=60)
@given(st.binary(max_size=200), st.binary(min_size=1, max_size=LARGEST), st.data())
def test_a_write_that_was_cut_off_leaves_no_piece_and_disturbs_no_other(tmp_path_factory, before, piece, data):
    path = tmp_path_factory.mktemp("slots") / "file"
    file = Slots(path, OWNER)
    file.write(0, b"another")
    file.write(1, before)
    old = path.read_bytes()
    file.write(1, piece)
    new = path.read_bytes()
    file.close(needed=True)
    cut = data.draw(st.integers(4_096, 4_096 + 16 + len(piece)))
    path.write_bytes(new[:cut] + old[cut:])
    found = pieces(path, OWNER)
    assert found[0] == b"another"
    assert found[1:] in ([], [before], [piece])


@settings(max_examples=100)
@given(st.binary(max_size=3 * 4_096))
def test_whatever_is_in_the_file_is_read(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("slots") / "file"
    path.write_bytes(content)
    assert pieces(path, OWNER) == []
