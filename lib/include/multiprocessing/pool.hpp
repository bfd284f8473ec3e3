// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <multiprocessing/detail/chunk_by_chunk.hpp>
#include <multiprocessing/detail/each.hpp>
#include <multiprocessing/detail/task_runner.hpp>
#include <multiprocessing/error.hpp>
#include <multiprocessing/function.hpp>
#include <multiprocessing/future.hpp>
#include <multiprocessing/pool_options.hpp>
#include <multiprocessing/result_range.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <ranges>
#include <stop_token>
#include <type_traits>
#include <utility>
#include <vector>

#pragma GCC visibility push(default)

namespace multiprocessing {

/// `map`'s and `starmap`'s chunk size when none is given: about four chunks for each worker.
inline constexpr std::size_t automatic = 0;

namespace detail {
struct unbounded_submission;
} // namespace detail

/// What can be done with workers wherever they are: the base of `pool`, whose workers are processes of this
/// machine, and of `mpi_pool`, whose workers are on many. What is written for one runs on the other.
///
/// Submitting waits while the task queue is full, and throws `pool_closed` after `close` or `terminate`,
/// `not_encodable`, `resource_error` when there is no memory for the arguments, and what encoding them
/// throws. A lack of memory, descriptors or processes later on costs the tasks that meet it a
/// `resource_error`. Threads: all members but the destructor and move may be called from any number of
/// threads at once.
class basic_pool {
    template <class F>
    static constexpr bool is_options = std::is_same_v<std::remove_cvref_t<F>, task_options>;
    /// What `f(args...)` returns. Some compilers ask for that before they heed that an `f` is none but
    /// options.
    template <class F, class... Args>
    using result_t = typename std::conditional_t<is_options<F>, detail::no_invocation,
                                                 detail::invocation_for<F, Args...>>::result;

public:
    /// Has each worker, also those started later, call `f(args...)` before its first task. An initializer
    /// that throws or dies counts as a worker that cannot start. Throws `std::logic_error` once a task has
    /// been submitted, and when there is one already.
    template <class F, class... Args>
    void initializer(F&& f, Args&&... args) {
        set_initializer(detail::make_call(f, args...));
    }

    /// Runs `f(args...)` in a worker, waits, and returns what it returns. Throws what it throws, or
    /// `worker_died`, `task_timed_out`, `task_cancelled`, `pool_terminated`; or `wait_stopped` when
    /// `task_options::stop` is asked to first, having cancelled the task.
    ///
    /// Where the first parameter of `f` is a `std::stop_token`, the worker provides it, and it tells when the
    /// task is cancelled or has timed out: a task that then ends by itself within its grace period keeps its
    /// worker. The same holds for all members that take a function.
    template <class F, class... Args>
    requires(!is_options<F>) result_t<F, Args...> apply(F&& f, Args&&... args) {
        return apply_async(f, args...).get();
    }
    template <class F, class... Args>
    result_t<F, Args...> apply(const task_options& options, F&& f, Args&&... args) {
        return get_unless_stopped(apply_async(options, f, args...), options.stop);
    }

    /// Runs `f(args...)` in a worker some time. Waits for room in the task queue; but not in a function given
    /// to `then`, which may be what makes that room: what is submitted there can exceed the capacity.
    template <class F, class... Args>
    requires(!is_options<F>) future<result_t<F, Args...>> apply_async(F&& f, Args&&... args) {
        return apply_async(task_options{}, f, args...);
    }
    /// The same, treated as `options` say. Throws `std::invalid_argument` for a timeout that is not positive.
    template <class F, class... Args>
    future<result_t<F, Args...>> apply_async(const task_options& options, F&& f, Args&&... args) {
        auto state = std::make_shared<detail::completion>();
        submit(detail::make_call_in(memory(), f, args...), state, 0, options);
        return future<result_t<F, Args...>>(std::move(state));
    }

    /// As `apply_async`, but empty instead of waiting when the task queue is full.
    template <class F, class... Args>
    requires(!is_options<F>) std::optional<future<result_t<F, Args...>>> try_apply_async(F&& f,
                                                                                         Args&&... args) {
        return try_apply_async(task_options{}, f, args...);
    }
    template <class F, class... Args>
    std::optional<future<result_t<F, Args...>>> try_apply_async(const task_options& options, F&& f,
                                                                Args&&... args) {
        auto state = std::make_shared<detail::completion>();
        if (!try_submit(detail::make_call_in(memory(), f, args...), state, options)) {
            return std::nullopt;
        }
        return future<result_t<F, Args...>>(std::move(state));
    }

    /// Applies `f` to each element, `chunk_size` of them a task, and returns the results in order (nothing
    /// for a function that returns nothing). Waits for all; then throws the first error that occurred, if
    /// any; or `wait_stopped` when it is asked to stop first, having cancelled the rest. As for all members
    /// that take a range, that may be a list in braces, `{1, 2, 3}`, if `f` has one signature.
    template <class F, std::ranges::input_range Range = detail::braced_arguments<F>>
    detail::results_for_all_t<detail::element_is::the_argument, F, Range>
    map(F&& f, Range&& range, std::size_t chunk_size = automatic, std::stop_token stop = {}) {
        return get_unless_stopped(submit_each<detail::element_is::the_argument>(f, range, chunk_size, stop),
                                  stop);
    }
    template <class F, std::ranges::input_range Range = detail::braced_arguments<F>>
    future<detail::results_for_all_t<detail::element_is::the_argument, F, Range>>
    map_async(F&& f, Range&& range, std::size_t chunk_size = automatic) {
        return submit_each<detail::element_is::the_argument>(f, range, chunk_size);
    }

    /// As `map`, but writes the results to `out`, in order and as they come, and returns `out` behind the
    /// last. Neither elements nor results are ever all in memory: `range` is read by this thread, a bounded
    /// number of chunks ahead; `automatic` begins with chunks of one element, and they grow. When a task
    /// fails, throws its error once the results of the chunks before it are written; what is in flight is
    /// cancelled. So it is when it is asked to stop, which it says by `wait_stopped`.
    template <class F, std::ranges::input_range Range = detail::braced_arguments<F>,
              std::input_or_output_iterator Out>
    requires std::output_iterator<Out, detail::remote_result_t<F, std::ranges::range_value_t<Range>>> Out
    map(F&& f, Range&& range, Out out, std::size_t chunk_size = automatic, std::stop_token stop = {}) {
        return write_each<detail::element_is::the_argument>(f, range, std::move(out), chunk_size,
                                                            std::move(stop));
    }

    /// Applies `f` to each element and combines the results: `reduce(reduce(init, f(a)), f(b))` and so on, in
    /// their order, but grouped in any way, so `reduce` is to be associative. The workers reduce what each
    /// chunk gives, this thread what the chunks have given; `reduce` is of the same kinds as `f`, and takes
    /// two values of the type that `f` returns and returns one. `init` takes part once, and is the result for
    /// an empty range. Reads `range` as `map` into an iterator does. Throws the first error, in the order of
    /// the elements, that `f` or `reduce` throws in a worker, or `wait_stopped` when it is asked to stop
    /// first, having cancelled the rest.
    template <class F, std::ranges::input_range Range = detail::braced_arguments<F>, class Reduce>
    detail::remote_result_t<F, std::ranges::range_value_t<Range>>
    map_reduce(F&& f, Range&& range, Reduce&& reduce,
               detail::remote_result_t<F, std::ranges::range_value_t<Range>> init,
               std::size_t chunk_size = automatic, std::stop_token stop = {}) {
        using each = detail::each_reduced_t<F, Reduce, Range>;
        auto combined = std::move(init);
        for (auto& partial : stream_chunks<each, detail::element_is::the_argument>(
                 range, chunk_size, std::move(stop), f, reduce)) {
            combined = std::invoke(reduce, std::move(combined), std::move(partial));
        }
        return combined;
    }

    /// As `map`, for elements that are tuples of arguments.
    template <class F, std::ranges::input_range Range = detail::braced_tuples<F>>
    detail::results_for_all_t<detail::element_is::a_tuple_of_arguments, F, Range>
    starmap(F&& f, Range&& range, std::size_t chunk_size = automatic, std::stop_token stop = {}) {
        return get_unless_stopped(
            submit_each<detail::element_is::a_tuple_of_arguments>(f, range, chunk_size, stop), stop);
    }
    template <class F, std::ranges::input_range Range = detail::braced_tuples<F>>
    future<detail::results_for_all_t<detail::element_is::a_tuple_of_arguments, F, Range>>
    starmap_async(F&& f, Range&& range, std::size_t chunk_size = automatic) {
        return submit_each<detail::element_is::a_tuple_of_arguments>(f, range, chunk_size);
    }

    /// As `map` into an iterator, for elements that are tuples of arguments.
    template <class F, std::ranges::input_range Range = detail::braced_tuples<F>,
              std::input_or_output_iterator Out>
    requires std::output_iterator<
        Out, detail::result_for_each_t<detail::element_is::a_tuple_of_arguments, F, Range>>
        Out starmap(F&& f, Range&& range, Out out, std::size_t chunk_size = automatic,
                    std::stop_token stop = {}) {
        return write_each<detail::element_is::a_tuple_of_arguments>(f, range, std::move(out), chunk_size,
                                                                    std::move(stop));
    }

    /// The results of `f` for each element, one by one, in order or as they are finished. See `result_range`.
    /// The pool must outlive the range, and an lvalue input as well.
    template <class F, std::ranges::input_range Range = detail::braced_arguments<F>>
    auto imap(F&& f, Range&& range, std::stop_token stop = {}) {
        using result = detail::remote_result_t<F, std::ranges::range_value_t<Range>>;
        return stream<detail::ordered_futures, result>(f, std::forward<Range>(range), std::move(stop));
    }
    template <class F, std::ranges::input_range Range = detail::braced_arguments<F>>
    auto imap_unordered(F&& f, Range&& range, std::stop_token stop = {}) {
        using result = detail::remote_result_t<F, std::ranges::range_value_t<Range>>;
        return stream<detail::unordered_futures, result>(f, std::forward<Range>(range), std::move(stop));
    }

    /// No more tasks. Workers end when all tasks are done. Does not wait.
    void close();
    /// Completes every unfinished task with `pool_terminated` and ends the workers: SIGTERM, and SIGKILL
    /// after a grace period of half a second. Does not wait.
    void terminate();
    /// Waits until all workers have ended. Throws `std::logic_error` unless `close` or `terminate` was called
    /// before.
    void join() { (void)join_before(detail::steady_time::max()); }
    /// The same, but false when it is asked to stop first, or at the end of that time.
    [[nodiscard]] bool join(std::stop_token stop) { return join_before(std::move(stop)); }
    template <class Rep, class Period>
    [[nodiscard]] bool join_for(std::chrono::duration<Rep, Period> duration, std::stop_token stop = {}) {
        return join_before({detail::deadline_after(duration), std::move(stop)});
    }
    template <class Clock, class Duration>
    [[nodiscard]] bool join_until(std::chrono::time_point<Clock, Duration> time, std::stop_token stop = {}) {
        return join_before({detail::on_steady_clock(time), std::move(stop)});
    }

    /// The number of workers the pool keeps.
    [[nodiscard]] std::size_t size() const noexcept { return core_->size(); }
    /// Of a moment ago.
    [[nodiscard]] pool_stats stats() const { return core_->stats(); }

protected:
    /// For the library's own use.
    explicit basic_pool(std::shared_ptr<detail::task_runner> core) : core_(std::move(core)) {}
    // Only between pools of one kind.
    basic_pool(basic_pool&&) noexcept = default;
    basic_pool& operator=(basic_pool&&) noexcept;
    /// Terminates and joins.
    ~basic_pool();
    /// For the library's own use.
    [[nodiscard]] detail::task_runner& core() const noexcept { return *core_; }

private:
    bool join_before(const detail::wait_limit& limit) { return core_->join(limit); }

    friend struct detail::unbounded_submission; // asio.hpp

    [[nodiscard]] detail::memory_source* memory() noexcept { return &core_->memory_for_tasks(); }
    void submit(detail::call&& call, std::shared_ptr<detail::completion> completion, std::size_t part,
                const task_options& options) {
        core_->submit(std::move(call), std::move(completion), part, options, detail::when_full::wait);
    }
    bool try_submit(detail::call&& call, std::shared_ptr<detail::completion> completion,
                    const task_options& options) {
        return core_->submit(std::move(call), std::move(completion), 0, options, detail::when_full::refuse);
    }
    /// Exceeds the capacity of the task queue instead of waiting.
    void submit_at_once(detail::call&& call, std::shared_ptr<detail::completion> completion,
                        const task_options& options) {
        core_->submit(std::move(call), std::move(completion), 0, options, detail::when_full::exceed);
    }
    void set_initializer(detail::call call) { core_->set_initializer(std::move(call)); }
    [[nodiscard]] std::size_t in_flight() const noexcept { return core_->in_flight(); }

    template <detail::element_is How, class F, class Range>
    future<detail::results_for_all_t<How, F, Range>>
    submit_each(const F& f, Range& range, std::size_t chunk_size, const std::stop_token& stop = {}) {
        using each = detail::each_of_t<How, F, Range>;
        if constexpr (!std::ranges::forward_range<Range> && !std::ranges::sized_range<Range>) {
            std::vector<std::ranges::range_value_t<Range>> elements; // how many there are must be known
            for (auto&& element : range) {
                elements.push_back(std::forward<decltype(element)>(element));
            }
            return submit_each<How>(f, elements, chunk_size, stop);
        } else {
            auto left = static_cast<std::size_t>(std::ranges::distance(range));
            chunk_size = std::min(chunk_size, std::max<std::size_t>(1, left));
            if (chunk_size == automatic) {
                const auto chunks = size() * chunks_per_worker;
                chunk_size = std::max<std::size_t>(1, (left + chunks - 1) / chunks);
            }
            const auto parts = (left + chunk_size - 1) / chunk_size;
            auto state = std::make_shared<detail::completion>(parts);
            future<typename each::results::type> all(state);
            auto position = std::ranges::begin(range);
            for (std::size_t part = 0; part != parts; ++part) {
                const auto count = std::min(left, chunk_size);
                const auto put_elements = [&](encoder& out) {
                    detail::put_elements<How>(typename each::types{}, out, position, count);
                };
                auto chunk = detail::make_call_through<each>(memory(), static_cast<const std::decay_t<F>&>(f),
                                                             put_elements);
                try {
                    submit(std::move(chunk), state, part, {.stop = stop});
                } catch (const wait_stopped&) {
                    cancel_and_throw(all);
                }
                left -= count;
            }
            return all;
        }
    }

    template <class R>
    [[noreturn]] static void cancel_and_throw(future<R>& awaited) {
        awaited.cancel();
        throw wait_stopped("a call was asked to stop before its tasks were done; they are cancelled");
    }
    template <class R>
    static R get_unless_stopped(future<R> awaited, const std::stop_token& stop) {
        if (!awaited.wait(stop)) {
            cancel_and_throw(awaited);
        }
        return awaited.get();
    }

    template <template <class> class Futures, class Result, class F, class Range>
    auto stream(const F& f, Range&& range, std::stop_token stop) {
        auto submit_one = [this, callable = static_cast<std::decay_t<const F&>>(f)](const auto& element) {
            return this->apply_async(callable, element);
        };
        using feed = detail::one_by_one<Result, Range, decltype(submit_one)>;
        return result_range<feed, Futures>(std::in_place,
                                           feed(std::forward<Range>(range), std::move(submit_one)),
                                           in_flight(), std::move(stop));
    }

    /// The results of one `Chunk` after the other, of those that the range is cut into.
    template <class Chunk, detail::element_is How, class Range, class F, class... Others>
    auto stream_chunks(Range& range, std::size_t chunk_size, std::stop_token stop, const F& f,
                       const Others&... others) {
        using result = typename Chunk::results::type;
        auto submit_chunk = [&, this](const auto& put_elements) {
            auto state = std::make_shared<detail::completion>();
            submit(detail::make_call_through<Chunk>(
                       memory(), static_cast<const std::decay_t<F>&>(f),
                       [&](encoder& out) {
                           (detail::put_callable(out, static_cast<const std::decay_t<Others>&>(others)), ...);
                           put_elements(out);
                       }),
                   state, 0, {});
            return future<result>(std::move(state));
        };
        using feed =
            detail::chunk_by_chunk<result, How, typename Chunk::types, Range, decltype(submit_chunk)>;
        const auto chunks = size() * chunks_per_worker;
        return result_range<feed, detail::ordered_futures>(std::in_place,
                                                           feed(range, {chunk_size, chunks}, submit_chunk),
                                                           std::min(chunks, in_flight()), std::move(stop));
    }

    template <detail::element_is How, class F, class Range, class Out>
    Out write_each(const F& f, Range& range, Out out, std::size_t chunk_size, std::stop_token stop) {
        using each = detail::each_of_t<How, F, Range>;
        for (auto& results : stream_chunks<each, How>(range, chunk_size, std::move(stop), f)) {
            for (auto&& result : results) {
                *out = static_cast<typename each::result>(std::move(result));
                ++out;
            }
        }
        return out;
    }

    /// Python's number: enough that uneven chunks even out, few enough that the cost of a task does not
    /// matter.
    static constexpr std::size_t chunks_per_worker = 4;

    std::shared_ptr<detail::task_runner> core_; // futures that cancel hold on to it for a moment
};

/// A bounded number of processes that run functions.
///
/// A worker that dies fails the task it was running with `worker_died`, unless that is to be tried again, and
/// is replaced; nothing else is lost.
/// Each leads a process group: what tasks have started in it, and left there, is killed when the worker ends.
/// When workers die before they can run anything, time after time, the pool gives up, and tasks fail with
/// `worker_died` that says so.
///
/// The destructor terminates and joins. Movable; what has been moved from can only be destroyed or assigned
/// to. Threads: see `basic_pool`.
class pool : public basic_pool {
public:
    /// Starts the workers. Throws `std::invalid_argument` for options that make no sense, `not_initialized`,
    /// and `start_failed` when the operating system refuses what a worker is to have, or to write the trace.
    explicit pool(pool_options options = {});
    /// So many workers.
    template <std::integral Number>
    explicit pool(Number processes) : pool(with_processes(processes)) {}

    /// The process ids of the workers alive now.
    [[nodiscard]] std::vector<long> pids() const;

private:
    template <std::integral Number>
    static pool_options with_processes(Number processes) {
        return {.processes = processes > 0 ? static_cast<std::size_t>(processes) : 0};
    }
};

} // namespace multiprocessing

#pragma GCC visibility pop
