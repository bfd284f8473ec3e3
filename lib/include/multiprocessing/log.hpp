// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#pragma GCC visibility push(default)

/// Lines about what processes do: the library's own, and the program's. Off until a level is set. All members
/// are thread-safe.
///
/// Children log from the level that their parent has when it starts them. They write to their standard error,
/// which for a worker of a pool leads to that of its parent; each line at once, so that those of several
/// processes are not mixed:
///
///     [info worker-3 4711] text
///     [info worker-3 4711 task 17] text, while a worker of a pool runs the pool's 17th task
namespace multiprocessing {

/// How much is logged, or how much something matters; `off` is nothing.
enum class log_level : std::uint8_t { debug, info, warning, error, off };

/// "debug", "info" and so on; as `MULTIPROCESSING_LOG` in the environment of the program may have it, which
/// `init` heeds.
[[nodiscard]] std::string_view to_string(log_level level) noexcept;

namespace detail {
extern std::atomic<log_level> least_logged;
} // namespace detail

/// Logs from this level on, in this process and in children that it starts from now on.
void set_log_level(log_level least) noexcept;
[[nodiscard]] inline log_level get_log_level() noexcept {
    return detail::least_logged.load(std::memory_order_relaxed);
}
/// Whether something of that level is logged: asked first, it saves making up a text that nobody wants. Costs
/// a load and a comparison.
[[nodiscard]] inline bool is_logged(log_level level) noexcept {
    return level >= get_log_level() && level != log_level::off;
}

/// One thing to log.
struct log_record {
    log_level level = log_level::info; ///< how much it matters
    long pid = 0;                      ///< the id of the process that logs
    std::string_view process;          ///< the name of the process
    std::string_view text;             ///< what it says
    /// The number of the task that this process, a pool's worker, runs, as `worker_death` has it; 0: none.
    std::uint64_t task = 0;
};
/// Takes what this process logs, on the thread that logs it, of which there may be several at a time. It must
/// not use this library, which may hold locks of its own. What it throws is ignored.
using log_sink = std::function<void(const log_record&)>;

/// Gives what this process logs to `sink` from now on, instead of writing it to standard error; an empty one
/// restores that. Children write to standard error whatever their parent does.
void set_log_sink(log_sink sink);
/// Has this process, and children from now on, log to standard error: no sink, and that level.
void log_to_stderr(log_level least = log_level::info);

/// Logs a text, if its level is logged. Never throws: a line that cannot be written is lost.
void log(log_level level, std::string_view text) noexcept;

} // namespace multiprocessing

#pragma GCC visibility pop
