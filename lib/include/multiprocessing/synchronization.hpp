// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <multiprocessing/detail/wait_limit.hpp>
#include <multiprocessing/serialize.hpp>

#include <chrono>
#include <concepts>
#include <condition_variable>
#include <cstddef>
#include <limits>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <utility>

#pragma GCC visibility push(default)

/// Synchronisation between processes.
///
/// All types here are handles: copies, and copies sent to other processes, are the same object. It exists
/// until the process that made it has destroyed its last handle, and beyond that as long as somebody has it
/// open. A handle that is an argument of a task or process keeps it alive until it has arrived; one in a
/// result or in a queue does not, and throws `resource_error` where it arrives too late. Each object takes a
/// page of shared memory, a mapping in each process that has it, and no descriptor; constructors throw
/// `resource_error` when there is no room.
///
/// A process may die at any instant, also inside these functions: nobody waits for ever for what it would
/// have done. Somebody else may learn of it, or be woken, some 50 ms late. Nor does one that is stopped
/// (SIGSTOP, a debugger) keep others waiting, unless it holds a mutex.
///
/// Timed waits are on the steady clock. All members may be called from any number of threads and processes at
/// once.
namespace multiprocessing {

class condition_variable;

namespace detail {

class named_object;
class shared_mutex_state;
template <class T>
struct handle_codec;

/// What all handles have. Copied also where it could be moved: there is no handle to nothing.
class object_handle {
public:
    /// Whether they are the same object.
    friend bool operator==(const object_handle& a, const object_handle& b) noexcept {
        return a.object_ == b.object_ || a.name() == b.name();
    }

protected:
    struct opened {}; // tells constructors apart

    explicit object_handle(std::shared_ptr<named_object> object);
    object_handle(const object_handle&) = default;
    object_handle& operator=(const object_handle&) = default;
    ~object_handle() = default;

    [[nodiscard]] const named_object& object() const noexcept { return *object_; }

private:
    template <class T>
    friend struct handle_codec;
    /// What other processes find it by.
    [[nodiscard]] const std::string& name() const noexcept;

    std::shared_ptr<named_object> object_;
};

/// What `mutex` and `recursive_mutex` have in common.
class any_mutex : public object_handle {
public:
    /// Waits until no other thread, of any process, has the mutex, and takes it. Throws `std::system_error`
    /// (`resource_deadlock_would_occur`) when this thread has it already and the mutex is not recursive.
    void lock();
    /// The same, but false when another thread has it. So it is for a thread that has it already, if the
    /// mutex is not recursive.
    [[nodiscard]] bool try_lock();
    /// As `lock`, but false when another thread still has it at the end of that time, or a twentieth of a
    /// second after it was asked to stop: who waits for a mutex is woken by its unlocking only.
    [[nodiscard]] bool lock(std::stop_token stop) { return try_lock_before(std::move(stop)); }
    template <class Rep, class Period>
    [[nodiscard]] bool try_lock_for(std::chrono::duration<Rep, Period> duration, std::stop_token stop = {}) {
        return try_lock_before({deadline_after(duration), std::move(stop)});
    }
    template <class Clock, class Duration>
    [[nodiscard]] bool try_lock_until(std::chrono::time_point<Clock, Duration> time,
                                      std::stop_token stop = {}) {
        return try_lock_before({on_steady_clock(time), std::move(stop)});
    }
    /// Only the thread that has locked the mutex unlocks it: for any other it throws `std::system_error`
    /// (`operation_not_permitted`).
    void unlock();

    /// For the thread that has the mutex: whether the one who had it before died with it. What the mutex
    /// guards may then be half written. It is this thread's to put in order; once it has unlocked the mutex
    /// nobody is told any more. False for all other threads.
    [[nodiscard]] bool owner_died() const noexcept;

protected:
    using object_handle::object_handle;

private:
    friend condition_variable;
    bool try_lock_before(const wait_limit& limit);
    [[nodiscard]] shared_mutex_state& state() const noexcept;
};

} // namespace detail

/// Mutual exclusion between threads of any processes, for `std::scoped_lock` and `std::unique_lock`. When a
/// process, or thread, ends while it has the mutex, the next one gets it, and `owner_died()` tells.
/// Destroying the handle does not unlock it.
class mutex : public detail::any_mutex {
public:
    mutex();

private:
    friend struct detail::handle_codec<mutex>;
    mutex(opened, const std::string& name);
};

/// The same, but a thread that has the mutex may lock it again. Others get it when it has been unlocked as
/// often.
class recursive_mutex : public detail::any_mutex {
public:
    recursive_mutex();

private:
    friend struct detail::handle_codec<recursive_mutex>;
    recursive_mutex(opened, const std::string& name);
};

/// A number of units, which anybody takes and anybody gives back. A process that dies keeps what it has
/// taken, as in Python: it cannot be known what its units stood for.
class counting_semaphore : public detail::object_handle {
public:
    /// How many units there can be.
    [[nodiscard]] static constexpr std::ptrdiff_t max() noexcept { return std::numeric_limits<int>::max(); }

    /// `maximum` is for those who want to be told that something is given back twice. Throws
    /// `std::invalid_argument` unless 0 <= initial <= maximum <= max(), and maximum > 0.
    explicit counting_semaphore(std::ptrdiff_t initial, std::ptrdiff_t maximum = max());

    /// Waits for a unit, and takes it.
    void acquire() { (void)acquire_before(detail::steady_time::max()); }
    /// The same, but false when there is none, or still none at the end of that time, or when it is asked to
    /// stop first.
    [[nodiscard]] bool acquire(std::stop_token stop) { return acquire_before(std::move(stop)); }
    [[nodiscard]] bool try_acquire() { return acquire_before(detail::steady_time::min()); }
    template <class Rep, class Period>
    [[nodiscard]] bool try_acquire_for(std::chrono::duration<Rep, Period> duration,
                                       std::stop_token stop = {}) {
        return acquire_before({detail::deadline_after(duration), std::move(stop)});
    }
    template <class Clock, class Duration>
    [[nodiscard]] bool try_acquire_until(std::chrono::time_point<Clock, Duration> time,
                                         std::stop_token stop = {}) {
        return acquire_before({detail::on_steady_clock(time), std::move(stop)});
    }
    /// Gives back so many units. Throws `std::logic_error`, and gives back none, where there would be more
    /// than the maximum, and `std::invalid_argument` when there are fewer than none.
    void release(std::ptrdiff_t units = 1);

    /// How many units are there to take; of a moment ago, when others use the semaphore as well.
    [[nodiscard]] std::ptrdiff_t value() const noexcept;

private:
    friend struct detail::handle_codec<counting_semaphore>;
    counting_semaphore(opened, const std::string& name);
    bool acquire_before(const detail::wait_limit& limit);
};

/// A flag to wait for.
class event : public detail::object_handle {
public:
    /// Not set.
    event();

    /// Lets all go on who wait, also when `clear` follows at once, and all who come until then.
    void set();
    /// Who comes from now on waits.
    void clear();
    /// Of a moment ago.
    [[nodiscard]] bool is_set() const noexcept;

    /// Waits until it is set.
    void wait() const { (void)wait_before(detail::steady_time::max()); }
    /// False when it has not been set by the end of that time, or until it was asked to stop.
    [[nodiscard]] bool wait(std::stop_token stop) const { return wait_before(std::move(stop)); }
    template <class Rep, class Period>
    [[nodiscard]] bool wait_for(std::chrono::duration<Rep, Period> duration,
                                std::stop_token stop = {}) const {
        return wait_before({detail::deadline_after(duration), std::move(stop)});
    }
    template <class Clock, class Duration>
    [[nodiscard]] bool wait_until(std::chrono::time_point<Clock, Duration> time,
                                  std::stop_token stop = {}) const {
        return wait_before({detail::on_steady_clock(time), std::move(stop)});
    }

private:
    friend struct detail::handle_codec<event>;
    event(opened, const std::string& name);
    [[nodiscard]] bool wait_before(const detail::wait_limit& limit) const;
};

namespace detail {
template <class T>
concept shared_mutex = std::same_as<T, mutex> || std::same_as<T, recursive_mutex>;
}

/// Waiting for what others do under a mutex, as with `std::condition_variable`: waits release the mutex, and
/// have it again when they return. They may return without having been notified, so that a predicate is
/// needed; all do, in time, when one is notified, which is what makes a waiter's death harmless. A recursive
/// mutex is released however often it is locked.
///
/// All who wait at the same time use the same mutex. Waits throw `std::system_error`
/// (`operation_not_permitted`) when this thread does not have it. `owner_died()` may be true after a wait.
class condition_variable : public detail::object_handle {
public:
    condition_variable();

    /// Wakes one of those who wait, if there are any.
    void notify_one();
    /// Wakes all who wait.
    void notify_all();

    /// Unlocks, waits for a notification, and locks again; with a predicate, until that holds.
    template <detail::shared_mutex Mutex>
    void wait(std::unique_lock<Mutex>& lock) {
        (void)wait_before(lock, detail::steady_time::max());
    }
    template <detail::shared_mutex Mutex, std::predicate Predicate>
    void wait(std::unique_lock<Mutex>& lock, Predicate holds) {
        (void)wait_before(lock, detail::steady_time::max(), holds);
    }
    /// Without a predicate, `timeout` when nobody was notified in that time. With one, whether it holds.
    template <detail::shared_mutex Mutex, class Rep, class Period>
    std::cv_status wait_for(std::unique_lock<Mutex>& lock, std::chrono::duration<Rep, Period> duration) {
        return wait_before(lock, detail::deadline_after(duration));
    }
    template <detail::shared_mutex Mutex, class Rep, class Period, std::predicate Predicate>
    bool wait_for(std::unique_lock<Mutex>& lock, std::chrono::duration<Rep, Period> duration,
                  Predicate holds) {
        return wait_before(lock, detail::deadline_after(duration), holds);
    }
    template <detail::shared_mutex Mutex, class Clock, class Duration>
    std::cv_status wait_until(std::unique_lock<Mutex>& lock, std::chrono::time_point<Clock, Duration> time) {
        return wait_before(lock, detail::on_steady_clock(time));
    }
    template <detail::shared_mutex Mutex, class Clock, class Duration, std::predicate Predicate>
    bool wait_until(std::unique_lock<Mutex>& lock, std::chrono::time_point<Clock, Duration> time,
                    Predicate holds) {
        return wait_before(lock, detail::on_steady_clock(time), holds);
    }
    /// The same, until it is asked to stop, as with `std::condition_variable_any`: whether the predicate
    /// holds.
    template <detail::shared_mutex Mutex, std::predicate Predicate>
    bool wait(std::unique_lock<Mutex>& lock, std::stop_token stop, Predicate holds) {
        return wait_before(lock, std::move(stop), holds);
    }
    template <detail::shared_mutex Mutex, class Rep, class Period, std::predicate Predicate>
    bool wait_for(std::unique_lock<Mutex>& lock, std::stop_token stop,
                  std::chrono::duration<Rep, Period> duration, Predicate holds) {
        return wait_before(lock, {detail::deadline_after(duration), std::move(stop)}, holds);
    }
    template <detail::shared_mutex Mutex, class Clock, class Duration, std::predicate Predicate>
    bool wait_until(std::unique_lock<Mutex>& lock, std::stop_token stop,
                    std::chrono::time_point<Clock, Duration> time, Predicate holds) {
        return wait_before(lock, {detail::on_steady_clock(time), std::move(stop)}, holds);
    }

private:
    friend struct detail::handle_codec<condition_variable>;
    condition_variable(opened, const std::string& name);

    /// `mutex` is null for a lock that has none.
    std::cv_status wait_before(detail::any_mutex* mutex, const detail::wait_limit& limit);
    template <class Mutex>
    std::cv_status wait_before(std::unique_lock<Mutex>& lock, const detail::wait_limit& limit) {
        return wait_before(lock.owns_lock() ? lock.mutex() : nullptr, limit);
    }
    template <class Mutex, class Predicate>
    bool wait_before(std::unique_lock<Mutex>& lock, const detail::wait_limit& limit, Predicate& holds) {
        while (!holds()) {
            // Who is notified all the time hears of a stop as well.
            if (limit.stop.stop_requested() || wait_before(lock, limit) == std::cv_status::timeout) {
                return holds();
            }
        }
        return true;
    }
};

/// Where a number of parties, threads of any processes, wait for each other, again and again.
///
/// A barrier breaks when a party dies that waits at it (the others learn it within a tenth of a second), when
/// one has waited for longer than it wanted to, and by `abort`. Then all who wait, and all who come, get
/// `broken_barrier`, until somebody calls `reset`. A party that dies before it comes, or stays away, is not
/// noticed: who cannot rule that out waits with a limit of time.
class barrier : public detail::object_handle {
public:
    /// How many parties there can be.
    [[nodiscard]] static constexpr std::size_t max() noexcept { return 65'535; }

    /// Takes 80 bytes of shared memory for each party. Throws `std::invalid_argument` unless
    /// 0 < parties <= max().
    explicit barrier(std::size_t parties);

    /// Waits until as many have come as there are parties. Returns which of them this is, from 0 on: each of
    /// a round gets another number. Throws `broken_barrier`.
    std::size_t arrive_and_wait() { return arrive_before(detail::steady_time::max()); }
    /// The same, but breaks the barrier, and throws `broken_barrier`, when they have not by the end of that
    /// time, or until it was asked to stop.
    std::size_t arrive_and_wait(std::stop_token stop) { return arrive_before(std::move(stop)); }
    template <class Rep, class Period>
    std::size_t arrive_and_wait_for(std::chrono::duration<Rep, Period> duration, std::stop_token stop = {}) {
        return arrive_before({detail::deadline_after(duration), std::move(stop)});
    }
    template <class Clock, class Duration>
    std::size_t arrive_and_wait_until(std::chrono::time_point<Clock, Duration> time,
                                      std::stop_token stop = {}) {
        return arrive_before({detail::on_steady_clock(time), std::move(stop)});
    }

    /// Breaks it.
    void abort();
    /// Makes it as new. Who waits gets `broken_barrier`.
    void reset();

    /// Whether it is, of a moment ago.
    [[nodiscard]] bool broken() const noexcept;
    /// How many have to come.
    [[nodiscard]] std::size_t parties() const noexcept;
    /// How many wait, of a moment ago.
    [[nodiscard]] std::size_t waiting() const noexcept;

private:
    friend struct detail::handle_codec<barrier>;
    barrier(opened, const std::string& name);
    std::size_t arrive_before(const detail::wait_limit& limit);
};

namespace detail {
/// A handle travels as the name of what it is to, which is kept alive until it has been opened under it.
template <class T>
struct handle_codec {
    static void encode(encoder& out, const T& value) {
        out.put(value.name());
        out.keep_alive(value.object_);
    }
    static T decode(decoder& in) { return T(typename T::opened{}, in.get<std::string>()); }
};
template <>
struct codec<mutex> : handle_codec<mutex> {};
template <>
struct codec<recursive_mutex> : handle_codec<recursive_mutex> {};
template <>
struct codec<counting_semaphore> : handle_codec<counting_semaphore> {};
template <>
struct codec<event> : handle_codec<event> {};
template <>
struct codec<condition_variable> : handle_codec<condition_variable> {};
template <>
struct codec<barrier> : handle_codec<barrier> {};
} // namespace detail

} // namespace multiprocessing

#pragma GCC visibility pop
