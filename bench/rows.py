# What is measured: groups of contenders that do the same work, and the rows of the table that come from it.
from dataclasses import dataclass, field


@dataclass
class Contender:
    """A program that makes one measurement. In `command`, {n} is the count, for about a second; programs of
    this folder go by their source's name. Without a `quick` count it is left out of quick runs. `needs` are
    Python modules and programs that have to be installed."""

    name: str
    command: str
    n: float = 0
    quick: float | None = None
    needs: tuple[str, ...] = ()


@dataclass
class Row:
    """One metric of a group's contenders."""

    metric: str
    title: str
    unit: str
    better: str  # "more" or "less"
    goals: dict[str, object] = field(default_factory=dict)  # by the contender that they are shown at


@dataclass
class Group:
    """Contenders take turns. What others are compared with is the first, or, where none is a rival, what is
    typical."""

    name: str
    contenders: list[Contender]
    rows: list[Row]
    rivals: bool = True


@dataclass
class TimesAsGood:
    """Ours, or the contender `this`, is at least so many times as good as the contender where this stands."""

    least: float
    this: str = ""

    def __str__(self):
        return f"{self.this} ≥ {self.least:.3g} ×".strip()


@dataclass
class AtMost:
    """The contender's own number is at most that."""

    most: float

    def __str__(self):
        return f"≤ {self.most:g}"


@dataclass
class OursAtMostBeyond:
    """Our number is at most so much above this contender's."""

    more: float

    def __str__(self):
        return f"ours ≤ this + {self.more:g}"


@dataclass
class Typical:
    """The number is what is typical of the row, give or take this part of it."""

    deviation: float

    def __str__(self):
        return f"± {self.deviation:.0%}"


MPIRUN = "mpirun --allow-run-as-root --oversubscribe --bind-to none -n"
MPI = f"{MPIRUN} 3 python3 -m mpi4py.futures"


def python_pool(name, what, n, quick=None):
    titles = {"multiprocessing": "Python multiprocessing.Pool", "executor": "Python ProcessPoolExecutor",
              "loky": "joblib's loky", "joblib": "joblib", "mpi": "mpi4py.futures"}
    needs = {"loky": ("joblib",), "joblib": ("joblib", "numpy"), "mpi": ("mpi4py", "mpirun")}
    command = f"rivals/pools.py {name} {what} {{n}}"
    if name == "mpi":
        command = f"{MPI} {command}"
    return Contender(titles[name], command, n, quick, needs.get(name, ()))


def plural(number, what):
    return f"{number:,} {what}".replace(",", " ") + ("s" if number != 1 else "")


def growth(name, title, commands):
    """The same contender with more and more of something: a task is to cost the same."""
    return Group(
        name,
        [Contender(size, command, n, quick) for size, (command, n, quick) in commands.items()],
        [Row("cost", title, "us/task", "less", {size: Typical(0.2) for size in commands})],
        rivals=False,
    )


GROUPS = [
    Group(
        "async",
        [
            Contender("ours", "ours/tasks async {n}", 1_500_000, 200_000),
            Contender("message_queues by hand", "rivals/message_queue_pool {n}", 3_000_000, 500_000),
            Contender("asio::thread_pool", "rivals/asio_pool async {n}", 1_000_000, 200_000),
            python_pool("multiprocessing", "async", 30_000, 5_000),
            python_pool("executor", "async", 12_000, 3_000),
            python_pool("loky", "async", 10_000),
            python_pool("mpi", "async", 5_000),
        ],
        [Row("rate", "async no-op tasks, 2 workers", "tasks/s", "more",
             {"message_queues by hand": TimesAsGood(0.6), "asio::thread_pool": TimesAsGood(2),
              "Python multiprocessing.Pool": TimesAsGood(75)})],
    ),
    Group(
        "sync",
        [
            Contender("ours", "ours/tasks sync {n}", 10_000, 2_000),
            Contender("ours, spinning 50 us", "ours/tasks sync_spinning {n}", 30_000, 5_000),
            Contender("three futex wakes", "rivals/futex {n}", 10_000, 2_000),
            Contender("asio::thread_pool", "rivals/asio_pool sync {n}", 10_000, 2_000),
            python_pool("multiprocessing", "sync", 5_000, 1_000),
            python_pool("executor", "sync", 5_000, 1_000),
        ],
        [Row("p50", "sync task, p50", "us", "less",
             {"ours, spinning 50 us": AtMost(3), "three futex wakes": TimesAsGood(1 / 1.2)}),
         Row("p99", "sync task, p99", "us", "less")],
    ),
    Group(
        "map",
        [
            Contender("ours", "ours/tasks map {n}", 1_000_000, 1_000_000),
            Contender("a loop in this process", "rivals/loop {n}", 1_000_000, 1_000_000),
            Contender("asio::thread_pool, 8 chunks", "rivals/asio_pool map {n}", 1_000_000, 1_000_000),
            python_pool("multiprocessing", "map", 1_000_000),
            python_pool("executor", "map", 1_000_000),
        ],
        [Row("rate", "map of 1 M ints", "ints/s", "more", {"a loop in this process": TimesAsGood(0.5)})],
    ),
    Group(
        "queue small",
        [
            Contender("ours", "ours/queues small {n}", 2_000_000, 500_000),
            Contender("message_queue, waiting", "rivals/message_queue small {n} wait", 2_000_000, 500_000),
            Contender("message_queue, yielding", "rivals/message_queue small {n} yield", 10_000_000,
                      2_000_000),
            Contender("ZeroMQ", "rivals/zeromq small {n}", 2_000_000, 500_000),
            Contender("pipe", "rivals/kernel small {n}", 1_000_000, 300_000),
            Contender("Python multiprocessing.Queue", "rivals/queues.py small {n}", 150_000, 30_000),
        ],
        [Row("rate", "queue, 16 B one way", "messages/s", "more",
             {"message_queue, waiting": TimesAsGood(0.8), "message_queue, yielding": TimesAsGood(0.8),
              "ZeroMQ": TimesAsGood(1.5)})],
    ),
    Group(
        "queue large",
        [
            Contender("ours", "ours/queues large {n}", 2_000, 300),
            Contender("message_queue, waiting", "rivals/message_queue large {n} wait", 5_000, 1_000),
            Contender("message_queue, yielding", "rivals/message_queue large {n} yield", 5_000, 1_000),
            Contender("iceoryx", "rivals/with_roudi rivals/iceoryx {n}", 5_000, 1_000, ("iox-roudi",)),
            Contender("ZeroMQ", "rivals/zeromq large {n}", 3_000, 500),
            Contender("socketpair", "rivals/kernel large {n}", 2_000, 300),
            Contender("Python multiprocessing.Queue", "rivals/queues.py large {n}", 500, 100),
        ],
        [Row("rate", "queue, 1 MiB one way", "GB/s", "more",
             {"message_queue, waiting": TimesAsGood(1), "message_queue, yielding": TimesAsGood(1),
              "iceoryx": TimesAsGood(1)})],
    ),
    Group(
        "queue round trip",
        [
            Contender("ours", "ours/queues round_trip {n}", 10_000, 2_000),
            Contender("message_queue, waiting", "rivals/message_queue round_trip {n} wait", 10_000, 2_000),
            Contender("message_queue, yielding", "rivals/message_queue round_trip {n} yield", 10_000, 2_000),
            Contender("ZeroMQ", "rivals/zeromq round_trip {n}", 10_000, 2_000),
            Contender("Python multiprocessing.Queue", "rivals/queues.py round_trip {n}", 8_000, 1_000),
        ],
        [Row("p50", "queue, 16 B there and back, p50", "us", "less",
             {"message_queue, waiting": TimesAsGood(1)}),
         Row("p99", "queue, 16 B there and back, p99", "us", "less")],
    ),
    Group(
        "large value",
        [
            Contender("ours", "ours/large_value fresh {n}", 5, 2),
            Contender("ours, into kept storage", "ours/large_value kept {n}", 10, 3),
            Contender("two fresh vectors by hand", "rivals/copies fresh {n}", 7, 2),
            Contender("four warm copies", "rivals/copies warm {n}", 20, 5),
            python_pool("joblib", "large", 2),
            python_pool("multiprocessing", "large", 2),
            python_pool("executor", "large", 2),
        ],
        [Row("time", "64 MiB to a task and back", "ms", "less",
             {"two fresh vectors by hand": TimesAsGood(1 / 0.6),
              "four warm copies": TimesAsGood(1, "ours, into kept storage")})],
    ),
    Group(
        "shared view",
        [
            Contender("ours", "ours/large_value shared {n}", 10_000, 2_000),
            Contender("the task itself", "ours/large_value none {n}", 10_000, 2_000),
        ],
        [Row("p50", "task that looks at 64 MiB of shared memory, p50", "us", "less",
             {"the task itself": OursAtMostBeyond(2)}),
         Row("p99", "task that looks at 64 MiB of shared memory, p99", "us", "less")],
    ),
    *(
        Group(
            f"start {size}",
            [
                Contender("ours", f"ours/start ours {{n}} {mib}", 300, 20),
                Contender("vfork and exec", f"ours/start by_hand {{n}} {mib}", 300, 20),
                Contender("Boost.Process v2", f"ours/start boost_process {{n}} {mib}", copying, quick),
                Contender("Python, fork", f"rivals/start.py fork {{n}} {mib}", copying, quick),
                Contender("Python, spawn", f"rivals/start.py spawn {{n}} {mib}", 20, quick),
            ],
            [Row("time", f"process start and join, {size} parent", "ms", "less",
                 {"vfork and exec": TimesAsGood(1 / 1.3)})],
        )
        # Those that fork copy the parent's page tables.
        for size, mib, copying, quick in [("small", 0, 300, 10), ("1 GiB", 1024, 20, None)]
    ),
    Group(
        "100 workers",
        [
            Contender("ours", "ours/workers start 100", 0, 0),
            Contender("100 × a pool of one", "ours/workers start_one 100", 0, 0),
        ],
        [Row("time", "100 workers started", "ms", "less", {"100 × a pool of one": TimesAsGood(1 / 1.3)})],
    ),
    Group(
        "memory",
        [
            Contender("ours", "ours/workers memory 100", 0, 0),
            Contender("the program, executed again", "ours/workers memory_by_hand 100", 0, 0),
        ],
        [Row("memory", "memory of an idle worker, PSS, one of 100", "MiB", "less",
             {"the program, executed again": OursAtMostBeyond(1)})],
    ),
    Group(
        "idle",
        [Contender("ours", "ours/workers idle 2", 0, 0)],
        [Row("cpu", "CPU time of an idle pool in 2 s", "ms", "less", {"ours": AtMost(0)}),
         Row("switches", "wakes of an idle pool in 2 s", "switches", "less", {"ours": AtMost(0)})],
    ),
    growth("growth workers", "cost of a task by workers, on one core",
           {plural(number, "worker"): (f"ours/tasks workers {{n}} {number}", 100_000, 20_000)
            for number in (1, 2, 4, 16, 64)}),
    growth("growth queued", "cost of a task by tasks at once, on one core",
           {plural(number, "task"): (f"ours/tasks queued {{n}} {number}", 200_000, quick)
            for number, quick in [(10, 20_000), (100, 20_000), (1_000, 20_000), (10_000, 20_000),
                                  (100_000, 20_000), (1_000_000, None)]}),
    Group(
        "mpi async",
        [
            Contender("ours", f"{MPIRUN} 3 ours/mpi async {{n}}", 200_000, 50_000, ("mpirun",)),
            python_pool("mpi", "async", 5_000, 2_000),
        ],
        [Row("rate", "async no-op tasks, MPI, 2 agents", "tasks/s", "more",
             {"mpi4py.futures": TimesAsGood(3)})],
    ),
    Group(
        "mpi sync",
        [
            Contender("ours", f"{MPIRUN} 3 ours/mpi sync {{n}}", 5_000, 1_000, ("mpirun",)),
            python_pool("mpi", "sync", 2_000, 500),
        ],
        [Row("p50", "sync task, MPI, 2 agents, p50", "us", "less", {"mpi4py.futures": TimesAsGood(1)}),
         Row("p99", "sync task, MPI, 2 agents, p99", "us", "less")],
    ),
    Group(
        "mpi scaling",
        [Contender(plural(number, "agent"), f"{MPIRUN} {number + 1} ours/mpi millisecond {{n}}", 800 * number,
                   200 * number, ("mpirun",)) for number in (3, 2, 1)],
        [Row("rate", "tasks of 1 ms, MPI, a worker at each agent", "tasks/s", "more",
             {"1 agent": TimesAsGood(2.7, "3 agents")})],
    ),
    Group(
        "within a process",
        [Contender("ours", "ours/micro --benchmark_min_time={n}", 0.1, 0.02)],
        [Row("encode_and_decode_int", "encode and decode an int", "ns", "less"),
         Row("encode_order", "encode a struct with a string and a vector", "ns", "less"),
         Row("decode_order", "decode it", "ns", "less"),
         Row("encode_and_decode_1_MiB", "encode and decode 1 MiB of char", "ns", "less"),
         Row("queue_put_and_get", "queue, put and get, nobody else there", "ns", "less"),
         Row("submit", "apply_async, until it returns", "ns", "less")],
    ),
]
