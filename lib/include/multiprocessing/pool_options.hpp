// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <multiprocessing/context.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>

#pragma GCC visibility push(default)

/// What can be said about a pool and its tasks, and what a pool says about itself.
namespace multiprocessing {

/// What a worker shares with its pool.
enum class isolation {
    shared, ///< memory that both write, which is fast; what comes from it is checked before it is used
    strict, ///< no memory that either could still change: for code that may write anywhere
};

/// Whether a task that ended with this exception is to be tried again.
using retry_predicate = std::function<bool(const std::exception_ptr&)>;

/// How one task is treated. What is not said here is as the pool's options have it.
struct task_options {
    /// How long it may run, not counting the time it waits for a worker; more than 0. A task that runs longer
    /// is stopped and fails with `task_timed_out`.
    std::optional<std::chrono::nanoseconds> timeout{};
    /// How often it is run again after its worker died or it timed out, or when `retry_if` says so.
    std::optional<std::size_t> max_retries{};
    /// Asked on one of the pool's threads, or on one that uses the pool; must not wait for tasks. An
    /// exception that leaves it means no.
    retry_predicate retry_if{};
    /// How long a task that is to be stopped has to end by itself, before its worker is ended. The default is
    /// a second for a callable that takes a `std::stop_token`, and no time for others, which do not know.
    std::optional<std::chrono::nanoseconds> stop_grace{};
    /// What it prints on standard output and error is kept for its future (`future::output`) instead.
    bool capture = false;
    /// Whether it may run again, on another node, after the one that it was sent to is lost: then it may have
    /// run twice. Empty: as `mpi_options` have it. Means nothing to a `pool`.
    std::optional<bool> idempotent{};
    /// For whoever submits it, who gets `wait_stopped` when this is asked to: before it is submitted, which
    /// it then is not; while `apply_async` waits for room, likewise; and while `apply` waits for the outcome,
    /// which then has cancelled the task, and does not wait until that has ended. A future that
    /// `apply_async` has returned it does not concern: see `future::cancel`.
    std::stop_token stop{};
};

/// How much is kept of what a task prints, from its beginning, in bytes.
inline constexpr std::size_t most_captured = std::size_t{1} << 20;

/// What each worker may use. A worker cannot raise its limits, unless it is privileged; what it starts has
/// them as well. 0 and empty: as the parent's.
///
/// A worker whose memory is limited, and which needs more, ends: its task fails with `worker_died`, which
/// says so, and never with `std::bad_alloc`. That is done by a `std::new_handler`, so it holds for everything
/// that allocates with `new`, `std::nothrow` included. Functions like `malloc` return null beyond the limit.
struct worker_limits {
    std::size_t address_space = 0; ///< bytes of virtual memory (RLIMIT_AS): code, stacks, reserves
    std::size_t data = 0;          ///< bytes of private writable memory (RLIMIT_DATA)
    std::size_t open_files = 0;    ///< how many descriptors (RLIMIT_NOFILE); a worker needs some itself
    std::optional<std::size_t> core_size{}; ///< bytes of a core dump (RLIMIT_CORE); 0: none
    std::chrono::seconds cpu_time{0};       ///< of a worker's life, then it is killed by SIGXCPU (RLIMIT_CPU)
};

/// The CPUs that workers may use.
enum class cpu_affinity {
    inherited,   ///< those of the parent
    round_robin, ///< each worker one of those that the parent may use when the pool is made, in turn
};

/// How a pool works.
struct pool_options {
    std::size_t processes = cpu_count();    ///< how many workers, at least 1
    std::size_t max_tasks_per_child = 0;    ///< a worker is replaced after so many tasks; 0: never
    std::size_t task_queue_capacity = 1024; ///< how many tasks may wait for a worker, at least 1

    // For tasks that do not say otherwise: see `task_options`.
    std::chrono::nanoseconds task_timeout{0};             ///< 0: as long as it takes
    std::size_t max_retries = 0;                          ///< attempts after the first
    retry_predicate retry_if{};                           ///< after which exceptions; empty: none
    std::optional<std::chrono::nanoseconds> stop_grace{}; ///< to end by itself

    /// How long a task rests before it is tried again; doubled for each further attempt.
    std::chrono::nanoseconds retry_back_off = std::chrono::milliseconds(50);
    /// A worker with more resident memory than this, in bytes, is replaced when its task is done; 0: never.
    std::size_t max_rss = 0;
    /// What workers share with the pool.
    multiprocessing::isolation isolation = multiprocessing::isolation::shared;
    /// How many tasks a worker may have ahead of the one that it runs, so that it need not wait for the next.
    /// Empty: many short ones and few long ones. Whatever it is, what a worker has not begun goes to one that
    /// has nothing to do. 0 makes each task cost a round trip.
    std::optional<std::size_t> prefetch{};
    /// How long a worker without a task, and a thread that waits for one, look for it at most before they go
    /// to sleep, which costs tens of microseconds; 0: not at all. Only while no other thread wants their
    /// core, and less and less long where waits turn out to be long: an idle pool uses no CPU.
    std::chrono::nanoseconds spin = std::chrono::microseconds(50);

    worker_limits limits{};                           ///< what each worker may use
    int niceness = 0;                                 ///< added to the parent's
    cpu_affinity affinity = cpu_affinity::inherited;  ///< the CPUs of workers
    std::filesystem::path working_directory{};        ///< of the workers; empty: the parent's
    std::map<std::string, std::string> environment{}; ///< set besides the parent's, or instead of its values
    /// Of all workers, those that replace others included. Empty: `get_start_method` when the pool is made.
    /// Forked ones are copies of the pool's thread at that time, and keep mapped what other workers had
    /// then.
    std::optional<multiprocessing::start_method> start_method{};
    std::string worker_name{}; ///< of all workers, shown by `ps` and debuggers; "worker-N" when empty
    /// A file for what happens in the pool, to be opened with https://ui.perfetto.dev or chrome://tracing: a
    /// track for each worker, with the tasks that it ran and its death; what was queued, retried, cancelled.
    /// JSON, an event a line, at most a second behind; replaces what is there. Costs a task some
    /// microseconds, and 400 bytes of the file. Once the file cannot be written any more, its disk being full
    /// for instance, the trace ends with a warning in the log. Empty: none.
    std::filesystem::path trace{};
    /// false: a worker that has ended, for whatever reason, is missed by nobody, and when none is left tasks
    /// fail with `worker_died`.
    bool replace_workers = true;
};

/// How long a pool's tasks have taken, each from when the pool took it, which waiting for room is not part
/// of, to its outcome: half of them at most `p50`, 90 % of them `p90`, and so on, to within a thirtieth. 0
/// when there was none. Of more than a thousand tasks it is that of a sample, one of sixteen.
struct task_latency {
    std::chrono::nanoseconds p50{0};  ///< the median
    std::chrono::nanoseconds p90{0};  ///< of nine of ten
    std::chrono::nanoseconds p99{0};  ///< of 99 of a hundred
    std::chrono::nanoseconds p999{0}; ///< of 999 of a thousand
};

/// Counts of a pool's tasks and workers.
struct pool_stats {
    std::size_t queued = 0;     ///< submitted, and no worker is on it
    std::size_t running = 0;    ///< workers that have a task
    std::uint64_t done = 0;     ///< completed with a value or the task's own exception
    std::uint64_t failed = 0;   ///< completed with an error of the library: `worker_died` and the like
    std::uint64_t retries = 0;  ///< attempts at tasks after their first
    std::uint64_t restarts = 0; ///< workers started in place of others
    task_latency latency{};     ///< of those that are done
};

} // namespace multiprocessing

#pragma GCC visibility pop
