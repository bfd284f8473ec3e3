// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "os/output_file.hpp"
#include "pool/schedule.hpp"

#include <multiprocessing/detail/wait_limit.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <unordered_map>
#include <utility>

namespace multiprocessing::detail {

/// What happens in a pool, as a file of Chrome's trace events, which Perfetto and chrome://tracing show:
///
///     tasks         a curve: how many are queued, how many workers have one
///     task queue    | queued | queued      | retried     | cancelled
///     worker-1      [ worker 4711 [ square ][ square ]  [ crash ] ] died
///     worker-2      [ worker 4712 [ square ]      [ square ]               ]
///     worker-3                                           [ worker 4713 [ crash ] ...
///
/// The file is an array of JSON, one event a line, and may lack its end: it can be read at any time, and when
/// the program is killed. When it cannot be written any more, the trace ends there, and the log has a
/// warning.
///
/// What happens is told under the pool's lock, and written by its supervisor without it: a disk may be slow.
///
/// Times are of the machine's steady clock, as those of any other process's trace are.
class trace {
public:
    /// Throws `resource_error`.
    explicit trace(const std::filesystem::path& file);

    void queued(std::uint64_t task, std::string_view function);
    void sent(std::uint64_t task, worker_id worker);
    /// What the worker has said of when it ran it.
    void ran(worker_id worker, std::uint64_t task, std::string_view function, steady_time begin,
             steady_time end);
    /// Something that ends an attempt at a task, or the task: "retried", say.
    void happened(std::string_view what, std::uint64_t task, std::string_view function,
                  const std::string& details);
    void done(std::uint64_t task) { tasks_.erase(task); }
    /// The pool was: the worker that the task was sent to, if it was, may run it until it ends.
    void terminated(std::uint64_t task, std::string_view function);

    void worker_started(worker_id worker, long pid, const std::string& name);
    struct running_task {
        std::uint64_t number;
        std::string function;
    };
    /// That task, if the pool was terminated while the worker had it.
    [[nodiscard]] std::optional<running_task> terminated_at(worker_id worker, std::uint64_t task) const;
    /// With a task, if it was running one: "died", say, and how.
    void worker_ended(worker_id worker, std::string_view what, const std::string& how,
                      const std::optional<running_task>& running);
    void counts(std::size_t queued, std::size_t running);

    /// Whether so much was told that it should be written soon.
    [[nodiscard]] bool has_much() const noexcept { return unwritten_.size() >= much; }
    /// What was told and is not written yet.
    [[nodiscard]] std::string take_unwritten() noexcept { return std::exchange(unwritten_, {}); }
    /// Has that in the file. On one thread; others may tell something meanwhile.
    [[nodiscard]] std::error_code write(std::string_view told) noexcept { return file_.append(told); }
    /// Nothing more will be told.
    void finish();
    /// The same, for want of something: the log has a warning.
    void end_here(std::string_view why) noexcept;

private:
    /// Where an event is shown: a worker's track has the worker's number.
    using track = std::uint64_t;
    static constexpr track task_queue = 0;

    /// An event: its common part; the rest of it is members of JSON.
    void event(char phase, std::string_view name, track where, steady_time when, const std::string& rest);
    void name_track(track where, const std::string& name);
    void add(const std::string& line);

    /// A write is not to be paid for each task.
    static constexpr std::size_t much = std::size_t{64} << 10;

    struct known_task {
        steady_time queued{};
        steady_time sent{};
        worker_id worker = 0;     // that it was last sent to
        std::string terminated{}; // the function, if the task is complete because the pool was terminated
    };
    struct own_track {
        long pid = 0;
        steady_time free_since{};
    };

    os::output_file file_;
    const long pid_;
    bool is_over_ = false; // nothing more is told
    std::string unwritten_;
    std::unordered_map<std::uint64_t, known_task> tasks_; // that workers have or may get, by their numbers
    std::map<worker_id, own_track> workers_;              // that have not ended
    std::size_t queued_ = 0;
    std::size_t running_ = 0;
};

} // namespace multiprocessing::detail
