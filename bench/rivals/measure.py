# What measure.hpp, tasks.hpp and messages.hpp are for the programs in C++.
import os
import time

SMALL_CAPACITY = 1024
LARGE = 1 << 20
LARGE_CAPACITY = 4
LARGE_VALUE = 64 << 20


def report(name, value, unit):
    print(name, f"{value:.6g}", unit, flush=True)


def expect(as_it_must_be, what):
    """Ends the program, whatever else runs in it."""
    if not as_it_must_be:
        print("wrong result:", what, flush=True)
        os._exit(1)


def seconds(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def quantile(values, part):
    return sorted(values)[int(part * (len(values) - 1))]


def times_of(count, work):
    """The times that work(i) takes, after a tenth as many calls that do not count."""
    for i in range((count + 9) // 10):
        work(i)
    return [seconds(lambda: work(i)) for i in range(count)]


def report_latencies(times):
    report("p50", quantile(times, 0.50) * 1e6, "us")
    report("p99", quantile(times, 0.99) * 1e6, "us")


def values_per_second(count, get):
    """`get(number)` gets one value and makes sure that it is that one; a tenth as many come before."""
    warm_up = count // 10

    def receive(numbers):
        for number in numbers:
            get(number)

    receive(range(warm_up))
    return count / seconds(lambda: receive(range(warm_up, warm_up + count)))


def in_all(count):
    return count + count // 10
