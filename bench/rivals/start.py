# multiprocessing.Process from start to join: start.py fork|spawn TIMES MIB
import multiprocessing
import sys
from measure import quantile, report, times_of


def do_nothing():
    pass


if __name__ == "__main__":
    method, times, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    memory = bytearray(b"x") * (size << 20)  # touched
    context = multiprocessing.get_context(method)

    def start(_):
        process = context.Process(target=do_nothing)
        process.start()
        process.join()

    report("time", quantile(times_of(times, start), 0.5) * 1e3, "ms")
