// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <multiprocessing/detail/completion.hpp>
#include <multiprocessing/detail/wait_limit.hpp>
#include <multiprocessing/function.hpp>
#include <multiprocessing/pool_options.hpp>

#include <cstddef>
#include <memory>

#pragma GCC visibility push(default)

namespace multiprocessing::detail {

/// What a submission does when the task queue is full.
enum class when_full {
    wait,
    refuse,
    exceed, ///< is queued all the same: who submits sees to it that there are not too many
};

/// Whoever runs tasks, as seen by those who submit them, in bytes. Thread-safe. `terminate` and `join` before
/// destruction.
class task_runner : public task_owner {
public:
    /// False when it was refused. Throws `wait_stopped` when `options.stop` is asked to, before or while it
    /// waits.
    virtual bool submit(call&& function, std::shared_ptr<detail::completion> completion, std::size_t part,
                        const task_options& options, when_full then) = 0;
    virtual void set_initializer(call initializer) = 0;
    virtual void close() = 0;
    virtual void terminate() = 0;
    /// False when the limit came first.
    virtual bool join(const wait_limit& limit) = 0;
    /// Workers.
    [[nodiscard]] virtual std::size_t size() const noexcept = 0;
    /// How many tasks one thread should have under way that reads what comes of them.
    [[nodiscard]] virtual std::size_t in_flight() const noexcept = 0;
    /// Where to encode large arguments, which then are not copied again.
    [[nodiscard]] virtual memory_source& memory_for_tasks() noexcept = 0;
    [[nodiscard]] virtual pool_stats stats() const = 0;
    /// Not so in a copy of the process that made it, where it is not to be destroyed.
    [[nodiscard]] virtual bool is_made_here() const noexcept = 0;
};

} // namespace multiprocessing::detail

#pragma GCC visibility pop
