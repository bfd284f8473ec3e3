"""The kill script of this folder for Python's two pools; prints a row of the table for each.

    faults.py            both
    faults.py run X      the script for pool X
    faults.py parent X   starts pool X, has its workers busy, which print their pids, and waits to be killed

Each part runs in a session of its own, of which nothing is left afterwards: these pools leave workers behind.
"""
import concurrent.futures
import multiprocessing
import os
import signal
import subprocess
import sys
import time

WORKERS = 2
FIRST, SECOND = range(1, 7), range(7, 13)
DEADLY = 4
TASK_SECONDS = 0.03
LIMIT = 5.0  # tasks take a fifth of a second in all: what is not complete by then never will be
GONE_WITHIN = 2.0


def task(n):
    time.sleep(TASK_SECONDS)
    if n == DEADLY:
        os.kill(os.getpid(), signal.SIGKILL)
    return n * n


def stay():
    os.write(sys.stdout.fileno(), f"{os.getpid()}\n".encode())
    time.sleep(60)


class Pool:
    """multiprocessing.Pool"""

    def __init__(self):
        self.pool = multiprocessing.Pool(WORKERS)

    def submit(self, function, *arguments):
        return self.pool.apply_async(function, arguments)

    def get(self, future, timeout):
        return future.get(timeout)

    def pids(self):
        return [worker.pid for worker in self.pool._pool]


class Executor:
    """concurrent.futures.ProcessPoolExecutor"""

    def __init__(self):
        self.pool = concurrent.futures.ProcessPoolExecutor(WORKERS)

    def submit(self, function, *arguments):
        return self.pool.submit(function, *arguments)

    def get(self, future, timeout):
        return future.result(timeout)

    def pids(self):
        return list(self.pool._processes or [])


TIMEOUTS = (multiprocessing.TimeoutError, concurrent.futures.TimeoutError, TimeoutError)


def outcomes(pool, tasks):
    """What becomes of the tasks, submitted all at once: "value", "error" or "lost" for each."""
    futures = []
    for n in tasks:
        try:
            futures.append(pool.submit(task, n))
        except Exception:
            futures.append(None)  # refused
    end = time.monotonic() + LIMIT
    result = []
    for n, future in zip(tasks, futures):
        try:
            if future is None:
                result.append("error")
            else:
                value = pool.get(future, max(0, end - time.monotonic()))
                result.append("value" if value == n * n else "error")
        except TIMEOUTS:
            result.append("lost")
        except Exception:
            result.append("error")
    return result


def runs(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


class Session:
    """This program again, in a session of its own. What is left of it at the end of the scope is killed."""

    def __init__(self, part, kind):
        self.leader = subprocess.Popen([sys.executable, __file__, part, kind.__name__],
                                       stdout=subprocess.PIPE, start_new_session=True)

    def __enter__(self):
        return self.leader

    def __exit__(self, *_):
        try:
            os.killpg(self.leader.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # nothing is
        self.leader.wait()


def left_behind(kind):
    """How many workers of a parent that is killed still run some time later."""
    with Session("parent", kind) as parent:
        pids = [int(parent.stdout.readline()) for _ in range(WORKERS)]  # from then on they are busy
        parent.kill()
        parent.wait()
        time.sleep(GONE_WITHIN)
        return f"{sum(map(runs, pids))} of {len(pids)}"


def run(kind):
    pool = kind()
    results = outcomes(pool, FIRST)
    for pid in pool.pids():  # they are idle
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    results += outcomes(pool, SECOND)
    usable = outcomes(pool, [1]) == ["value"]
    counts = " | ".join(str(results.count(each)) for each in ("value", "error", "lost"))
    print(f"| `{kind.__doc__}` | {counts} | {'yes' if usable else 'no'} | {left_behind(kind)} |", flush=True)
    os._exit(0)  # a pool that hangs would hang at exit as well


def be_parent(kind):
    pool = kind()
    for _ in range(WORKERS):
        pool.submit(stay)
    time.sleep(60)


if __name__ == "__main__":
    if len(sys.argv) == 3:
        {"run": run, "parent": be_parent}[sys.argv[1]]({"Pool": Pool, "Executor": Executor}[sys.argv[2]])
    else:
        for each in (Pool, Executor):
            with Session("run", each) as runner:
                print(runner.stdout.readline().decode(), end="", flush=True)
