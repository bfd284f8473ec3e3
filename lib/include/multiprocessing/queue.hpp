// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <multiprocessing/detail/completion.hpp>
#include <multiprocessing/detail/value_bytes.hpp>
#include <multiprocessing/serialize.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <memory>
#include <optional>
#include <ranges>
#include <span>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <utility>

#pragma GCC visibility push(default)

namespace multiprocessing {

/// How a queue is made. It takes capacity x message_size bytes of shared memory at once.
struct queue_options {
    std::size_t capacity = 1024;   ///< how many values it holds, at least 1
    std::size_t message_size = 0;  ///< bytes kept inside the queue for each value; 0: by the type. What is
                                   ///< larger travels beside the queue, through shared memory that is made
                                   ///< when it is needed and kept for the values to come: up to 64 MiB, or
                                   ///< an eighth of all shared memory, until the queue ends. What does not
                                   ///< fit in there gets memory of its own.
    std::size_t priorities = 1;    ///< how many values of `priority` there are, at most `most_priorities`
    bool end_with_writers = false; ///< the queue ends with its last `queue_writer`, and only through those
                                   ///< something can be put
};

/// How many priorities a queue can have: as many as POSIX promises of its own message queues. An operation
/// looks at all that there are.
inline constexpr std::size_t most_priorities = 32;

/// How urgent a value is: the next one to be got is of the highest level that is there, and among those the
/// first that was put. The levels of a queue are 0, which is what values have unless told otherwise, up to
/// one less than `queue_options::priorities`.
struct priority {
    int level = 0; ///< from 0 on
};

/// How long one process that is stopped inside an operation on a queue can keep others waiting. An operation
/// takes a microsecond; even one that the machine's load keeps from going on does so long before.
inline constexpr std::chrono::seconds longest_queue_stop{5};

namespace detail {

/// What stands in front of a value in a message.
inline constexpr std::size_t message_header_size = 8;
/// How large a message is that holds a value of so many bytes, or tells where a larger one is.
constexpr std::size_t message_size_for(std::size_t value) {
    constexpr std::size_t least = 16;
    constexpr std::size_t most = std::numeric_limits<std::size_t>::max() - message_header_size;
    return message_header_size + std::clamp(value, least, most);
}

template <class Queue>
struct queue_codec;

/// What a `queue_writer<T>` is a handle to, in bytes. The queue takes it for gone when it is destroyed.
class queue_input {
public:
    virtual ~queue_input() = default;
    /// Whether it was put before the limit. Throws `queue_closed`, `queue_broken`, `std::invalid_argument`
    /// for a priority that the queue does not have, and `resource_error` when there is no room in shared
    /// memory for what is too large for a message.
    virtual bool put(const value_bytes& value, priority urgency, const wait_limit& limit) = 0;
    /// Appends what `get_queue_input` makes another writer of.
    virtual void put_to(encoder& out) const = 0;
};

/// What a `queue<T>` is a handle to, in bytes.
class queue_core {
public:
    virtual ~queue_core() = default;
    /// As that of `queue_input`. Throws `std::logic_error` when the queue is to have writers.
    virtual bool put(const value_bytes& value, priority urgency, const wait_limit& limit) = 0;
    /// Empty when the limit came first. A message that fits into `room` is received there, and the payload
    /// is valid as long as that is; otherwise as long as its owner and this object. Throws `queue_closed`
    /// when closed and drained, `queue_broken`, `resource_error`.
    virtual std::optional<payload> get(std::span<std::byte> room, const wait_limit& limit) = 0;
    [[nodiscard]] virtual std::size_t size() const = 0;
    [[nodiscard]] virtual std::size_t capacity() const noexcept = 0;
    virtual void close() = 0;
    /// What `joinable_queue` says of them. `join` tells whether all was done before the limit.
    virtual void task_done() = 0;
    virtual bool join(const wait_limit& limit) = 0;
    /// What `open_queue` finds it by.
    [[nodiscard]] virtual const std::string& name() const noexcept = 0;
};

/// Throws `std::invalid_argument` for options that no queue can have, `resource_error` when there is no room
/// in shared memory, or no descriptor.
std::shared_ptr<queue_core> make_queue(const queue_options& options);
/// Throws `resource_error` when there is none of that name any more.
std::shared_ptr<queue_core> open_queue(const std::string& name);

/// Throws `queue_closed`, `queue_broken`, `resource_error` when there is no descriptor, and
/// `std::logic_error` when the queue is to have none.
std::shared_ptr<queue_input> make_queue_input(const std::shared_ptr<queue_core>& queue);
/// Throws `decode_failed`, `resource_error`.
std::shared_ptr<queue_input> get_queue_input(decoder& in);

/// Message sizes for `message_size = 0`. Text and containers are mostly short, and what is not goes beside.
inline constexpr std::size_t default_message_size = 512;
inline constexpr std::size_t largest_default_message_size = 64 * 1024;

} // namespace detail

/// The ways to put a value, which queues and their writers have in common.
template <class T, class Handle>
class queue_puts {
public:
    /// Waits for room, whatever the priority. Throws `queue_closed`, `queue_broken`, what encoding `value`
    /// throws, `resource_error` when there is no memory for it, `std::invalid_argument` for a priority that
    /// the queue does not have, and `std::logic_error` when this is a queue that ends with its writers (they
    /// are to put then), or a closed writer.
    void put(const T& value, priority urgency = {}) {
        (void)put_before(value, urgency, detail::steady_time::max());
    }
    /// The same, but false when the queue is still full when it is asked to stop, or at the end of that time.
    [[nodiscard]] bool put(const T& value, priority urgency, std::stop_token stop) {
        return put_before(value, urgency, std::move(stop));
    }
    [[nodiscard]] bool put(const T& value, std::stop_token stop) { return put(value, {}, std::move(stop)); }
    template <class Rep, class Period>
    bool put_for(const T& value, std::chrono::duration<Rep, Period> duration, priority urgency = {},
                 std::stop_token stop = {}) {
        return put_before(value, urgency, {detail::deadline_after(duration), std::move(stop)});
    }
    template <class Rep, class Period>
    bool put_for(const T& value, std::chrono::duration<Rep, Period> duration, std::stop_token stop) {
        return put_for(value, duration, {}, std::move(stop));
    }
    template <class Clock, class Duration>
    bool put_until(const T& value, std::chrono::time_point<Clock, Duration> time, priority urgency = {},
                   std::stop_token stop = {}) {
        return put_before(value, urgency, {detail::on_steady_clock(time), std::move(stop)});
    }
    template <class Clock, class Duration>
    bool put_until(const T& value, std::chrono::time_point<Clock, Duration> time, std::stop_token stop) {
        return put_until(value, time, {}, std::move(stop));
    }
    bool try_put(const T& value, priority urgency = {}) {
        return put_before(value, urgency, detail::steady_time::min());
    }

private:
    friend Handle; // nobody else makes one
    queue_puts() = default;

    bool put_before(const T& value, priority urgency, const detail::wait_limit& limit) {
        auto& target = static_cast<Handle&>(*this).target();
        return detail::with_bytes_of(
            value, [&](const detail::value_bytes& encoded) { return target.put(encoded, urgency, limit); });
    }
};

/// Puts values into a queue that is to end when nobody is left who does (`queue_options::end_with_writers`);
/// made by `queue::writer`. What a pipe is to its writing end, the queue is to its writers: the kernel knows
/// who has one, so it does not matter how they end.
///
/// Copies in this process are one writer, which is gone with the last of them. Sent to another process, as an
/// argument, in a queue or through a connection, it arrives as a further writer; this one stays, and is to be
/// closed or destroyed. On its way it counts as a writer, and stays with who sends it for as long as a
/// `connection` does. A copy of the process that somebody's own `fork` makes has the writer as well, as does
/// a process that is started with `forked`; other processes have it only if it is given to them.
///
/// Members throw `std::logic_error` on a closed writer (default-constructed, moved from, `close`).
///
/// Threads: `put` and its like may be called from several at once. Moving, `close` and destruction are not to
/// happen while another thread uses the object.
template <class T>
class queue_writer : public queue_puts<T, queue_writer<T>> {
public:
    /// Closed.
    queue_writer() = default;

    /// Wakes the readers if it was the last one. Does nothing when it is closed.
    void close() noexcept { input_.reset(); }
    [[nodiscard]] bool closed() const noexcept { return input_ == nullptr; }

private:
    template <class U>
    friend class queue;
    friend class queue_puts<T, queue_writer>;
    friend struct detail::codec<queue_writer>;

    explicit queue_writer(std::shared_ptr<detail::queue_input> input) : input_(std::move(input)) {}

    [[nodiscard]] detail::queue_input& target() const {
        if (input_ == nullptr) {
            throw std::logic_error("multiprocessing::queue_writer: it is closed");
        }
        return *input_;
    }

    std::shared_ptr<detail::queue_input> input_; // null when closed
};

/// Values on their way between processes, first in first out, or more urgent ones first (`priority`), with
/// any number of writers and readers in any processes. A handle: copies, and copies sent to other processes,
/// are the same queue. It exists until the process that made it has destroyed its last handle, and beyond
/// that as long as somebody has it open.
///
/// Waiting members wait for room or for a value. A process may be killed at any instant, also inside these
/// members, and nobody else notices: a value whose `put` has returned is got once, and one that was being put
/// is there or is not. One that dies between taking a value from the queue and using it takes that value with
/// it. Somebody else may be woken some 50 ms late.
///
/// A process that is stopped (SIGSTOP, a debugger) inside an operation, a matter of a few hundred
/// instructions, keeps the others waiting for at most `longest_queue_stop`; then it has broken the queue, and
/// every member throws `queue_broken`. Until then waiting members may take so long, whatever their deadline.
/// One that is stopped anywhere else disturbs nobody. The queue is also broken when somebody has written over
/// its memory.
///
/// One that is to end with its writers (`queue_options::end_with_writers`) is closed, as if by `close`, once
/// somebody who wants a value finds none, and no `queue_writer` in any process. That is at once when the last
/// one was closed in an orderly way, and some 50 ms late when its process was killed. A queue that has not
/// had any writer yet is not closed. Who makes several, one after the other, keeps one until all are made.
///
/// Threads and processes: all members may be called from any number of both at once.
template <class T>
class queue : public queue_puts<T, queue<T>> {
public:
    /// Throws `std::invalid_argument` for a capacity of 0, or so many priorities as cannot be, and
    /// `resource_error` when there is no room in shared memory, or no descriptor.
    explicit queue(queue_options options = {}) : core_(detail::make_queue(with_message_size(options))) {
        detail::must_travel<T>();
    }
    template <std::integral Number>
    explicit queue(Number capacity)
        : queue(queue_options{.capacity = capacity > 0 ? std::size_t(capacity) : 0}) {}

    /// A further writer, for a queue that ends with the last one. Throws `queue_closed` when it has,
    /// `queue_broken`, `resource_error` when there is no descriptor, and `std::logic_error` for a queue that
    /// is not made with `end_with_writers`.
    [[nodiscard]] queue_writer<T> writer() { return queue_writer<T>(detail::make_queue_input(core_)); }

    /// Waits for a value and takes it. Throws `queue_closed` once the queue is closed and drained,
    /// `queue_broken`, `decode_failed`, and `resource_error` when there is no descriptor or memory for a
    /// value that is larger than a message: it is what the next call gets, through this handle or a copy of
    /// it in this process.
    T get() { return *get_before(detail::steady_time::max()); }
    /// The same, but empty when there still is none at the end of that time, or when it is asked to stop
    /// first.
    [[nodiscard]] std::optional<T> get(std::stop_token stop) { return get_before(std::move(stop)); }
    template <class Rep, class Period>
    std::optional<T> get_for(std::chrono::duration<Rep, Period> duration, std::stop_token stop = {}) {
        return get_before({detail::deadline_after(duration), std::move(stop)});
    }
    template <class Clock, class Duration>
    std::optional<T> get_until(std::chrono::time_point<Clock, Duration> time, std::stop_token stop = {}) {
        return get_before({detail::on_steady_clock(time), std::move(stop)});
    }
    std::optional<T> try_get() { return get_before(detail::steady_time::min()); }

    /// Of a moment ago, when others use the queue as well. Throw `queue_broken`.
    [[nodiscard]] std::size_t size() const { return core_->size(); }
    [[nodiscard]] bool empty() const { return size() == 0; }
    [[nodiscard]] bool full() const { return size() == capacity(); }
    [[nodiscard]] std::size_t capacity() const noexcept { return core_->capacity(); }

    /// No more puts, in no process; readers drain what is there, then `get` throws `queue_closed`. A put that
    /// another process is in the middle of may be accepted, and then is there to be got only while a reader
    /// still looks.
    void close() { core_->close(); }

    /// Takes values until the queue is closed and drained.
    class iterator {
    public:
        /// As `std::input_iterator` wants them.
        using iterator_concept = std::input_iterator_tag;
        using value_type = T;
        using difference_type = std::ptrdiff_t;

        /// As `std::input_iterator` wants them; a step waits for a value.
        iterator() = default;
        explicit iterator(queue& owner) : owner_(&owner) { ++*this; }
        T& operator*() const { return *current_; }
        iterator& operator++() {
            try {
                current_ = std::make_shared<T>(owner_->get());
            } catch (const queue_closed&) {
                current_.reset();
            }
            return *this;
        }
        void operator++(int) { ++*this; }
        friend bool operator==(const iterator& it, std::default_sentinel_t) { return it.current_ == nullptr; }

    private:
        queue* owner_ = nullptr;
        std::shared_ptr<T> current_;
    };
    /// The first value, for which it waits, and the end, which is there when the queue is closed and drained.
    iterator begin() { return iterator(*this); }
    [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

protected:
    /// For the library's own use.
    explicit queue(std::shared_ptr<detail::queue_core> core) : core_(std::move(core)) {}

    /// For the library's own use.
    [[nodiscard]] detail::queue_core& target() const noexcept { return *core_; }

private:
    friend class queue_puts<T, queue>;
    template <class Queue>
    friend struct detail::queue_codec;

    static constexpr std::size_t default_message_size() {
        if constexpr (detail::plain_bytes<T>) {
            return std::min(sizeof(T), detail::largest_default_message_size);
        } else {
            return detail::default_message_size;
        }
    }
    static queue_options with_message_size(queue_options options) {
        if (options.message_size == 0) {
            options.message_size = default_message_size();
        }
        return options;
    }

    std::optional<T> get_before(const detail::wait_limit& limit) {
        std::array<std::byte, detail::message_size_for(default_message_size())> room; // not initialised
        if (auto received = core_->get(room, limit)) {
            return decode<T>(received->bytes());
        }
        return std::nullopt;
    }

    std::shared_ptr<detail::queue_core> core_;
};

/// A queue that knows when everything put into it is done with: each `get` is followed, when the work on the
/// value is finished, by `task_done`, and `join` waits for all of it. As a `queue<T>`, which it converts to
/// for those who only put, it is the same queue.
///
/// A process that dies with a value in its hand leaves it unfinished for ever, and `join` waits: who cannot
/// rule that out uses `join_for`, or calls `task_done` for the dead one.
template <class T>
class joinable_queue : public queue<T> {
public:
    using queue<T>::queue;

    /// One of the values put is done with. Throws `std::logic_error` when all that were put are already.
    void task_done() { this->target().task_done(); }

    /// Waits until everything put is done with, as it is while nothing has been put. Throws `queue_broken`.
    void join() { (void)this->target().join(detail::steady_time::max()); }
    /// The same, but false when something is still unfinished at the end of that time, or when it is asked to
    /// stop first.
    [[nodiscard]] bool join(std::stop_token stop) { return this->target().join(std::move(stop)); }
    template <class Rep, class Period>
    [[nodiscard]] bool join_for(std::chrono::duration<Rep, Period> duration, std::stop_token stop = {}) {
        return this->target().join({detail::deadline_after(duration), std::move(stop)});
    }
    template <class Clock, class Duration>
    [[nodiscard]] bool join_until(std::chrono::time_point<Clock, Duration> time, std::stop_token stop = {}) {
        return this->target().join({detail::on_steady_clock(time), std::move(stop)});
    }

private:
    template <class Queue>
    friend struct detail::queue_codec;
};

namespace detail {
/// A queue travels as its name, and is kept alive until it has been opened under it.
template <class Queue>
struct queue_codec {
    static void encode(encoder& out, const Queue& value) {
        out.put(value.core_->name());
        out.keep_alive(value.core_);
    }
    static Queue decode(decoder& in) { return Queue(open_queue(in.get<std::string>())); }
};
template <class T>
struct codec<queue<T>> : queue_codec<queue<T>> {};
template <class T>
struct codec<joinable_queue<T>> : queue_codec<joinable_queue<T>> {};

template <class T>
struct codec<queue_writer<T>> {
    static void encode(encoder& out, const queue_writer<T>& value) { value.target().put_to(out); }
    static queue_writer<T> decode(decoder& in) { return queue_writer<T>(get_queue_input(in)); }
};
} // namespace detail

} // namespace multiprocessing

#pragma GCC visibility pop
