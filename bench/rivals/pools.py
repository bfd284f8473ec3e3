# Python's pools: pools.py multiprocessing|executor|loky|joblib|mpi async|sync|map|large COUNT
#
# mpi has to be started by mpirun with `-m mpi4py.futures`.
import sys
from measure import LARGE_VALUE, expect, quantile, report, report_latencies, seconds, times_of

WORKERS = 2


def identity(x):
    return x


def increment(value):
    value[0] += 1
    return value


class Multiprocessing:
    def __init__(self):
        import multiprocessing

        self.pool = multiprocessing.Pool(WORKERS)

    def submit(self, function, argument):
        return self.pool.apply_async(function, (argument,))

    def value(self, result):
        return result.get()

    def call(self, function, argument):
        return self.pool.apply(function, (argument,))

    def map(self, function, numbers):
        return self.pool.map(function, numbers)

    def end(self):
        self.pool.terminate()
        self.pool.join()


class Executor:
    """All that have the interface of concurrent.futures."""

    def __init__(self, executor):
        self.executor = executor

    def submit(self, function, argument):
        return self.executor.submit(function, argument)

    def value(self, future):
        return future.result()

    def call(self, function, argument):
        return self.executor.submit(function, argument).result()

    def map(self, function, numbers):
        return list(self.executor.map(function, numbers, chunksize=len(numbers) // (4 * WORKERS)))

    def end(self):
        self.executor.shutdown()


class Joblib:
    """Passes large arrays in files that are mapped."""

    def __init__(self):
        import joblib

        self.delayed = joblib.delayed
        self.parallel = joblib.Parallel(n_jobs=WORKERS).__enter__()

    def call(self, function, argument):
        return self.parallel([self.delayed(function)(argument)])[0]

    def end(self):
        self.parallel.__exit__(None, None, None)


def increment_copy(value):
    """Of what is mapped: that cannot be changed, and its result would be the same file."""
    import numpy

    value = numpy.array(value)
    value[0] += 1
    return value


def make_pool(kind):
    if kind == "multiprocessing":
        return Multiprocessing()
    if kind == "executor":
        import concurrent.futures

        return Executor(concurrent.futures.ProcessPoolExecutor(WORKERS))
    if kind == "loky":
        from joblib.externals.loky import get_reusable_executor

        return Executor(get_reusable_executor(WORKERS))
    if kind == "joblib":
        return Joblib()
    from mpi4py.futures import MPIPoolExecutor

    return Executor(MPIPoolExecutor(WORKERS))


def measure_async(pool, count):
    def run(count):
        results = [pool.submit(identity, i) for i in range(count)]
        expect(sum(map(pool.value, results)) == count * (count - 1) // 2, "the tasks' values")

    run(count // 10)
    report("rate", count / seconds(lambda: run(count)), "tasks/s")


def measure_sync(pool, count):
    report_latencies(times_of(count, lambda i: expect(pool.call(identity, i) == i, "the task's value")))


def measure_map(pool, count):
    numbers = list(range(count))
    times = times_of(3, lambda _: expect(pool.map(identity, numbers) == numbers, "the map's values"))
    report("rate", count / quantile(times, 0.5), "ints/s")


def measure_large(pool, count):
    value, function = bytearray(LARGE_VALUE), increment
    if isinstance(pool, Joblib):
        import numpy

        value, function = numpy.zeros(LARGE_VALUE, dtype=numpy.uint8), increment_copy

    def trip(_):
        back = pool.call(function, value)
        expect(len(back) == LARGE_VALUE and back[0] == 1 and back[-1] == 0, "the value back")

    report("time", quantile(times_of(count, trip), 0.5) * 1e3, "ms")


if __name__ == "__main__":
    kind, what, count = sys.argv[1:]
    pool = make_pool(kind)
    measure = {"async": measure_async, "sync": measure_sync, "map": measure_map, "large": measure_large}
    measure[what](pool, int(count))
    pool.end()
