// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "ipc/mutex.hpp"
#include "ipc/named_object.hpp"
#include "ipc/occasion.hpp"

#include <multiprocessing/synchronization.hpp>

#include <atomic>
#include <stop_token>
#include <system_error>

namespace multiprocessing {
namespace {

/// In shared memory, written by all.
///
/// Whoever waits returns when `notifications` is no longer what it was, and looks at it after
/// `longest_oversleep` at the latest. So all return some time after one was to be woken, and it does not
/// matter whether that one was alive, or whoever notified lived to wake it.
struct condition_state {
    std::atomic<std::uint32_t> notifications{0}; // what is slept on
    std::atomic<std::uint32_t> waiting{0}; // those who died waiting as well: 0 says that nobody is there
};

constexpr detail::object_kind kind{"condition", sizeof(condition_state)};

std::shared_ptr<detail::named_object> make() {
    auto object = make_object(kind, sizeof(condition_state));
    object->set_up<condition_state>();
    return object;
}

/// One who waits, while it exists.
class waiter {
public:
    explicit waiter(condition_state& condition) : condition_(condition) {
        condition_.waiting.fetch_add(1); // before looking: who notifies does it the other way round
        seen_ = condition_.notifications.load();
    }
    ~waiter() { condition_.waiting.fetch_sub(1); }
    waiter(const waiter&) = delete;
    waiter& operator=(const waiter&) = delete;

    /// Whether somebody was notified before the limit.
    [[nodiscard]] bool wait_until(const detail::wait_limit& limit) {
        const auto is_notified = [&] { return condition_.notifications.load() != seen_; };
        if (is_notified() || detail::try_for_a_while(limit.deadline, is_notified)) {
            return true;
        }
        // Nobody is notified by that: who is about to sleep at this instant oversleeps it, which has an end.
        const std::stop_callback wake(limit.stop,
                                      [this]() noexcept { os::wake_all(condition_.notifications); });
        while (!limit.is_over()) {
            detail::sleep_on(condition_.notifications, seen_, limit.deadline);
            if (is_notified()) {
                return true;
            }
        }
        return false;
    }

private:
    condition_state& condition_;
    std::uint32_t seen_;
};

} // namespace

condition_variable::condition_variable() : object_handle(make()) {}
condition_variable::condition_variable(opened, const std::string& name)
    : object_handle(open_object(kind, name)) {}

void condition_variable::notify_one() {
    auto& state = object().state<condition_state>();
    state.notifications.fetch_add(1);
    if (state.waiting.load() != 0) {
        os::wake_one(state.notifications);
    }
}

void condition_variable::notify_all() {
    auto& state = object().state<condition_state>();
    state.notifications.fetch_add(1);
    if (state.waiting.load() != 0) {
        os::wake_all(state.notifications);
    }
}

std::cv_status condition_variable::wait_before(detail::any_mutex* mutex, const detail::wait_limit& limit) {
    if (mutex == nullptr) {
        throw std::system_error(std::make_error_code(std::errc::operation_not_permitted),
                                "multiprocessing: a wait for a condition without its mutex");
    }
    waiter self(object().state<condition_state>());
    const auto times = mutex->state().unlock_all();
    const bool is_notified = self.wait_until(limit);
    mutex->state().lock_times(times);
    return is_notified ? std::cv_status::no_timeout : std::cv_status::timeout;
}

} // namespace multiprocessing
