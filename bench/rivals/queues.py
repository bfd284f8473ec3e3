# multiprocessing.Queue between two processes: queues.py small|large|round_trip COUNT
import multiprocessing
import sys
from measure import (LARGE, LARGE_CAPACITY, SMALL_CAPACITY, expect, in_all, report, report_latencies,
                     times_of, values_per_second)


def small(number):
    return number.to_bytes(16, "little")


def large(number):
    return number.to_bytes(8, "little") + bytes(LARGE - 8)


def write(queue, make, count):
    for number in range(in_all(count)):
        queue.put(make(number))


def send_back(there, back):
    for value in iter(there.get, None):
        back.put(value)


def rate(capacity, make, count):
    queue = multiprocessing.Queue(capacity)
    size = len(make(0))
    writer = multiprocessing.Process(target=write, args=(queue, make, count))
    writer.start()

    def get(number):
        value = queue.get()
        expect(len(value) == size, "a value's size")
        expect(int.from_bytes(value[:8], "little") == number, "the order of values")

    result = values_per_second(count, get)
    writer.join()
    return result


def measure_round_trip(count):
    there, back = multiprocessing.Queue(), multiprocessing.Queue()
    other = multiprocessing.Process(target=send_back, args=(there, back))
    other.start()

    def exchange(number):
        there.put(small(number))
        expect(back.get() == small(number), "the value that came back")

    report_latencies(times_of(count, exchange))
    there.put(None)
    other.join()


if __name__ == "__main__":
    what, count = sys.argv[1], int(sys.argv[2])
    if what == "small":
        report("rate", rate(SMALL_CAPACITY, small, count), "messages/s")
    elif what == "large":
        report("rate", rate(LARGE_CAPACITY, large, count) * LARGE / 1e9, "GB/s")
    else:
        measure_round_trip(count)
