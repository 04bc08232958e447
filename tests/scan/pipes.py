"""Photos that are named pipes: a test knows when one is being read, and by which process."""

import os
import threading
import time
from pathlib import Path

import psutil

KILL = b""


def serve(path, answers):
    """Makes a named pipe, which answers its readers in turn: `KILL` ends the process that reads.

    Returns:
        The command lines of the processes that were ended; they are added as that happens.
    """
    os.mkfifo(path)
    killed = []
    threading.Thread(target=_answer, args=(Path(path).resolve(), answers, killed), daemon=True).start()
    return killed


def _answer(path, answers, killed):
    for answer in answers:
        with open(path, "wb") as end:  # waits for a reader
            if answer is KILL:
                while not (readers := [p for p in psutil.Process().children(recursive=True) if _has_open(p, path)]):
                    time.sleep(0.01)  # its opening is not finished yet
                (reader,) = readers
                killed.append(" ".join(reader.cmdline()))
                reader.kill()
                while _has_readers(path):
                    time.sleep(0.01)
            else:
                end.write(answer)


def _has_open(process, path):
    try:
        with os.scandir(f"/proc/{process.pid}/fd") as opened:
            return any(os.readlink(one.path) == str(path) for one in opened)
    except OSError:  # it ended just now
        return False


def _has_readers(path):
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
    except OSError:
        return False
    return True
