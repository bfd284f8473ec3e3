// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <multiprocessing/detail/wait_limit.hpp>

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#pragma GCC visibility push(default)

namespace multiprocessing::detail {

struct few_bytes {
    static constexpr std::size_t most = 39;
    std::array<std::byte, most> content{};
    std::uint8_t size = 0;
};
struct many_bytes {
    std::shared_ptr<const void> owner;
    std::span<const std::byte> bytes;
};

/// Bytes that came from another process, and what keeps them in memory. A few are kept inside.
class payload {
public:
    static constexpr std::size_t most_inside = few_bytes::most;

    payload() = default;
    payload(const payload&) = default;
    payload(payload&& other) noexcept { *this = std::move(other); }
    payload& operator=(const payload&) = default;
    payload& operator=(payload&& other) noexcept {
        auto* const to = std::get_if<few_bytes>(&bytes_);
        const auto* const from = std::get_if<few_bytes>(&other.bytes_);
        if (to != nullptr && from != nullptr) { // what mostly is so needs no look at a table of what may be
            *to = *from;
        } else {
            bytes_ = std::move(other.bytes_);
        }
        return *this;
    }
    ~payload() = default;
    payload(std::shared_ptr<const void> owner, std::span<const std::byte> bytes)
        : bytes_(many_bytes{std::move(owner), bytes}) {}
    /// A copy of so few that they are kept inside.
    explicit payload(std::span<const std::byte> few) {
        auto& inside = *std::get_if<few_bytes>(&bytes_);
        inside.size = static_cast<std::uint8_t>(few.size());
        if (!few.empty()) {
            std::memcpy(inside.content.data(), few.data(), few.size());
        }
    }

    [[nodiscard]] std::span<const std::byte> bytes() const noexcept {
        if (const auto* inside = std::get_if<few_bytes>(&bytes_)) {
            return std::span(inside->content).first(inside->size);
        }
        return std::get_if<many_bytes>(&bytes_)->bytes;
    }

private:
    std::variant<few_bytes, many_bytes> bytes_;
};

class completion;

/// Whoever runs tasks, as seen by those who wait for them. Thread-safe.
class task_owner : public std::enable_shared_from_this<task_owner> {
public:
    virtual ~task_owner() = default;
    /// Waits until `waited` is complete, of which that task is the only part.
    virtual void wait_for(std::uint64_t task, const completion& waited) = 0;
    /// False when the task is complete.
    virtual bool cancel(std::uint64_t task) = 0;
};

/// What a future waits for: the outcome of one task, or of the several that a `map` was cut into. Complete
/// when the last part has its outcome; the first failure to arrive is the outcome of the whole.
///
/// Thread-safe, but for `bind`, `wait_for_success`, and what is done to one part. Parts complete on the
/// pool's supervisor thread, or on one that waits, submits, cancels, closes or terminates.
class completion {
public:
    using hook = std::function<void()>;

    explicit completion(std::size_t parts = 1)
        : state_(static_cast<std::uint32_t>(parts)),
          parts_(static_cast<std::uint32_t>(parts)),
          others_(parts > 1 ? std::make_unique<part[]>(parts - 1) : nullptr) {}

    /// Says which task has the outcome of a part, and whose it is. Before it is submitted.
    void bind(std::size_t part, std::weak_ptr<task_owner> owner, std::uint64_t task);
    /// Cancels what is not complete; false when everything is.
    bool cancel();

    /// A result frame's content arrived for a part: an outcome as `child/outcome` encodes it.
    void deliver(std::size_t part, payload&& outcome);
    /// What the only part has printed, in its last attempt. Before its outcome.
    void printed(std::string text);
    /// A part will have no result.
    void fail(std::exception_ptr reason);
    /// Once for each part, after one of these: now others may see it. Runs what waits for the last one.
    void part_is_complete();
    /// The same, but does nothing and returns false when there is something to run: for threads that are to
    /// run nothing of the user's.
    [[nodiscard]] bool complete_unless_hooked();

    /// Waits, and helps its owner meanwhile.
    void wait() const;
    /// Just waits.
    void sleep() const { (void)wait_until(steady_time::max()); }
    [[nodiscard]] bool wait_until(steady_time deadline) const;
    [[nodiscard]] bool ready() const noexcept {
        return remaining(state_.load(std::memory_order_acquire)) == 0;
    }
    /// Whether it completed without a failure. Meaningful once ready.
    [[nodiscard]] bool succeeded() const noexcept { return failed_part_ == none; }

    /// Waits. Throws the failure if there is one; once only.
    void wait_for_success();
    [[nodiscard]] std::size_t parts() const noexcept { return parts_; }
    /// How many of them have their outcome.
    [[nodiscard]] std::size_t parts_done() const noexcept {
        return parts_ - remaining(state_.load(std::memory_order_acquire));
    }
    /// Meaningful once ready.
    [[nodiscard]] std::string output() const { return rare_ ? rare_->printed : std::string(); }
    /// The encoded value of a part, after a success.
    [[nodiscard]] std::span<const std::byte> value_of(std::size_t index) const;

    /// Once ready: the outcome of the only part, as `child/outcome` encodes it, a failure too.
    [[nodiscard]] payload outcome() const;

    /// Runs `action` once complete, on the thread that completes it, or at once if it is. Returns a key for
    /// `unhook`.
    std::uint64_t on_ready(hook action);
    void unhook(std::uint64_t key);

private:
    struct part {
        payload outcome{};
        std::uint64_t task = 0;
    };
    /// What few of them ever have.
    struct rarely {
        std::exception_ptr error; // why the first part that failed has no outcome
        std::string printed;
        std::uint32_t last_hook = 0;
        std::vector<std::pair<std::uint64_t, hook>> hooks;
    };
    static constexpr std::uint32_t none = UINT32_MAX;
    static constexpr std::uint32_t without_outcome = UINT32_MAX - 1;

    // The state: how many parts remain, and who is to be told when none does.
    static constexpr std::uint32_t has_waiters = std::uint32_t{1} << 31;
    static constexpr std::uint32_t has_hooks = std::uint32_t{1} << 30;
    static constexpr std::uint32_t most_parts = has_hooks - 1;
    static std::uint32_t remaining(std::uint32_t state) noexcept { return state & most_parts; }

    [[nodiscard]] const part& at(std::size_t index) const { return index == 0 ? first_ : others_[index - 1]; }
    [[nodiscard]] part& at(std::size_t index) { return index == 0 ? first_ : others_[index - 1]; }
    [[nodiscard]] std::mutex& mutex() const noexcept;
    [[nodiscard]] rarely& rare();

    // There may be a million of these: with the counts of its owners it takes two lines of the cache.
    mutable std::atomic<std::uint32_t> state_;
    const std::uint32_t parts_;
    part first_; // here, since there is mostly no other
    std::unique_ptr<part[]> others_;
    std::weak_ptr<task_owner> owner_;
    // Guarded by `mutex` until complete.
    std::uint32_t failed_part_ = none; // the first that has an exception for its outcome, or has none
    std::unique_ptr<rarely> rare_;     // null: nothing of it
};

/// The order in which things numbered by their owner became ready. Thread-safe.
class arrivals {
public:
    void push(std::size_t index);
    /// Waits for one; empty when the limit came first.
    std::optional<std::size_t> pop(const wait_limit& limit);

private:
    std::mutex mutex_;
    std::condition_variable not_empty_;
    std::deque<std::size_t> indices_;
};

/// Tells which of several completions becomes ready next: a hook in each, and no look at all the others.
class completion_order {
public:
    /// None may be null.
    explicit completion_order(std::vector<std::shared_ptr<completion>> watched);
    ~completion_order();
    completion_order(const completion_order&) = delete;
    completion_order& operator=(const completion_order&) = delete;

    /// Waits for the next, and returns its index; each is told once. Empty when the limit came first.
    std::optional<std::size_t> next(const wait_limit& limit);
    /// How many are still to be told of.
    [[nodiscard]] std::size_t left() const noexcept { return left_; }

private:
    struct hooked {
        std::shared_ptr<completion> watched; // null once told of
        std::uint64_t hook = 0;
    };
    void unhook();

    std::shared_ptr<arrivals> arrived_ = std::make_shared<arrivals>(); // a hook may be at it to the very end
    std::vector<hooked> hooked_;
    std::size_t left_;
};

/// Waits until one of `completions` is ready and returns its index, or their number when the limit came
/// first.
std::size_t wait_for_any(std::span<const std::shared_ptr<completion>> completions, const wait_limit& limit);
/// Waits for one; whether it is ready.
bool wait_for_one(const std::shared_ptr<completion>& one, const wait_limit& limit);

} // namespace multiprocessing::detail

#pragma GCC visibility pop
