// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <multiprocessing/shared_memory.hpp>
#include <multiprocessing/synchronization.hpp>

#include <atomic>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <span>
#include <type_traits>
#include <utility>

#pragma GCC visibility push(default)

namespace multiprocessing {

namespace detail {

/// The one element of an array that has been received.
template <class T>
shared_array<T> get_cell(decoder& in) {
    auto cell = in.get<shared_array<T>>();
    if (cell.size() != 1) {
        throw decode_failed("a shared value is announced that is something else");
    }
    return cell;
}

/// A value that the processor changes at once.
template <class T>
class atomic_cell {
public:
    explicit atomic_cell(const T& initial) : cell_(std::span(&initial, 1)) {}
    explicit atomic_cell(decoder& in) : cell_(get_cell<T>(in)) {}
    void put(encoder& out) const { out.put(cell_); }

    [[nodiscard]] T load() const { return value().load(); }
    void store(const T& desired) const { value().store(desired); }
    T exchange(const T& desired) const { return value().exchange(desired); }
    bool compare_exchange(T& expected, const T& desired) const {
        return value().compare_exchange_strong(expected, desired);
    }
    template <class F>
    T update(const F& f) const {
        T before = load();
        while (!value().compare_exchange_weak(before, f(std::as_const(before)))) {
        }
        return before;
    }
    T add(const T& n) const { return value().fetch_add(n); }

private:
    [[nodiscard]] std::atomic_ref<T> value() const { return std::atomic_ref<T>(cell_[0]); }
    shared_array<T> cell_;
};

/// A value that is changed under a mutex: beside the old one, which holds until the new one is whole.
template <class T>
class locked_cell {
public:
    explicit locked_cell(const T& initial) : locked_cell(slots{initial, initial, 0}) {}
    explicit locked_cell(decoder& in) : mutex_(in.get<mutex>()), cell_(get_cell<slots>(in)) {}
    void put(encoder& out) const {
        out.put(mutex_);
        out.put(cell_);
    }

    [[nodiscard]] T load() const {
        const std::scoped_lock lock(mutex_);
        return value();
    }
    void store(const T& desired) const { (void)exchange(desired); }
    T exchange(const T& desired) const {
        return update([&](const T&) -> const T& { return desired; });
    }
    bool compare_exchange(T& expected, const T& desired) const {
        const std::scoped_lock lock(mutex_);
        const bool is_expected = std::memcmp(&value(), &expected, sizeof(T)) == 0;
        if (is_expected) {
            replace(desired);
        } else {
            expected = value();
        }
        return is_expected;
    }
    template <class F>
    T update(const F& f) const {
        const std::scoped_lock lock(mutex_);
        const T before = value();
        replace(f(before));
        return before;
    }
    T add(const T& n) const {
        return update([&](const T& value) { return static_cast<T>(value + n); });
    }

private:
    struct slots {
        T first;
        T second;
        std::uint32_t second_holds;
    };
    explicit locked_cell(const slots& initial) : cell_(std::span(&initial, 1)) {}

    [[nodiscard]] const T& value() const {
        return cell_[0].second_holds != 0 ? cell_[0].second : cell_[0].first;
    }
    void replace(const T& desired) const {
        auto& now = cell_[0];
        const bool second_holds = now.second_holds != 0;
        (second_holds ? now.first : now.second) = desired;
        std::atomic_ref(now.second_holds).store(second_holds ? 0 : 1); // not before
    }

    mutable mutex mutex_{};
    shared_array<slots> cell_;
};

} // namespace detail

/// A value in memory that processes share. A handle: copies, and copies sent to other processes, are the same
/// value. It lives, and travels, as a `shared_array` does.
///
/// Any number of threads and processes may use it at once: each operation happens as a whole, and they all
/// happen in one order (as sequentially consistent atomic operations do). A process that is killed inside one
/// leaves the old value or the new one. Where `is_lock_free`, nobody waits for anybody; else a mutex is
/// locked in each operation, and one that is stopped (SIGSTOP, a debugger) just then keeps others waiting.
///
/// T is trivially copyable. Pointers inside it mean nothing in another process.
template <class T>
class shared_value {
public:
    /// What it is.
    using value_type = T;
    /// Whether the processor changes it at once, so that nobody waits.
    static constexpr bool is_lock_free = std::atomic_ref<T>::is_always_lock_free;

    /// Value-initialised. Throws `resource_error` when there is no room in shared memory.
    shared_value() requires std::default_initializable<T> : shared_value(T()) {}
    explicit shared_value(const T& initial) : cell_(initial) {}
    /// A handle to the same value.
    shared_value(const shared_value&) = default; // there is no handle to nothing
    shared_value& operator=(const shared_value&) = default;
    ~shared_value() = default;

    // Constant handles are to values that can be changed, as constant spans are.

    /// Reads or replaces the whole of it.
    [[nodiscard]] T load() const { return cell_.load(); }
    void store(const T& desired) const { cell_.store(desired); }
    /// Returns what it was.
    T exchange(const T& desired) const { return cell_.exchange(desired); }
    /// Stores `desired` if the value is `expected`, byte by byte, padding included; else that is in
    /// `expected` then. Whether it was.
    bool compare_exchange(T& expected, const T& desired) const {
        return cell_.compare_exchange(expected, desired);
    }
    /// Stores `f(value)`, and returns what it was. Where `is_lock_free`, `f` may be called several times
    /// until nobody comes between; else once, and it must not use this value. What it throws leaves the value
    /// as it is.
    template <std::invocable<const T&> F>
    T update(const F& f) const {
        return cell_.update(f);
    }
    /// Adds or subtracts, and returns what it was.
    T fetch_add(const T& n) const requires(std::is_arithmetic_v<T> && !std::same_as<T, bool>) {
        return cell_.add(n);
    }
    T fetch_sub(const T& n) const requires(std::is_arithmetic_v<T> && !std::same_as<T, bool>) {
        return cell_.add(static_cast<T>(-n));
    }

private:
    friend struct detail::codec<shared_value>;
    using cell = std::conditional_t<is_lock_free, detail::atomic_cell<T>, detail::locked_cell<T>>;
    explicit shared_value(decoder& in) : cell_(in) {}

    cell cell_;
};

namespace detail {
template <class T>
struct codec<shared_value<T>> {
    static void encode(encoder& out, const shared_value<T>& value) { value.cell_.put(out); }
    static shared_value<T> decode(decoder& in) { return shared_value<T>(in); }
};
} // namespace detail

} // namespace multiprocessing

#pragma GCC visibility pop
