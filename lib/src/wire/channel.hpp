// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "wire/frame.hpp"

#include <multiprocessing/pool_options.hpp>
#include <multiprocessing/serialize.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace multiprocessing::detail {

class shared_heap;

/// What a worker needs to open its end. The descriptors are inherited under these numbers; those that a
/// channel of its kind does not have are -1.
struct channel_handle {
    int socket = -1;
    int bell = -1;
    std::chrono::nanoseconds spin{0};
    int control = -1;
    int task_heap = -1;
    int result_heap = -1;

    [[nodiscard]] std::vector<int> descriptors() const;
    /// The same in a process that has them under other numbers.
    [[nodiscard]] channel_handle renumbered(int (*number_here)(int)) const;
};

/// Between a pool and one worker, never shared with another: frames in both directions, each side's in the
/// order in which they were sent.
///
/// Waiting is on a descriptor, and outlives the death of the peer at any instant. What a worker had sent
/// before it died is received afterwards.
///
/// Not thread-safe; the pool guards its end.
class channel {
public:
    channel() = default;
    virtual ~channel() = default;
    channel(const channel&) = delete;
    channel& operator=(const channel&) = delete;

    /// For the worker. Its descriptors are owned by this end.
    [[nodiscard]] virtual channel_handle handle() const = 0;
    /// Pool: the worker has opened its end, or never will: nobody else can from now on.
    virtual void worker_is_there() noexcept = 0;
    /// A frame to be sent.
    struct outgoing {
        frame_kind kind;
        std::uint64_t id;
        std::span<const std::byte> content;
    };
    /// Sends a frame; by which route its content travels. The worker's end waits for room; the pool's needs
    /// none, as long as it keeps to `most_under_way`. Throws `channel_broken`, and `resource_error` when
    /// there is no memory for a large content.
    virtual frame_route send(frame_kind kind, std::uint64_t id, std::span<const std::byte> content) = 0;
    /// Pool: sends several frames, whose contents are `surely_in_message`, at the price of few. Throws
    /// `channel_broken`.
    virtual void send_all(std::span<const outgoing> frames) {
        for (const auto& each : frames) {
            send(each.kind, each.id, each.content);
        }
    }
    /// Worker: where to encode a large result, which then is not copied again: sent, it belongs to the pool.
    /// Null where there is no such memory.
    [[nodiscard]] virtual memory_source* memory_for_results() noexcept = 0;

    /// The next frame, if one is there. Throws `channel_broken`.
    virtual std::optional<frame> receive() = 0;
    using duration = std::chrono::steady_clock::duration;
    /// Worker: waits for the next frame; empty when none has come for so long. Throws `channel_broken`.
    virtual std::optional<frame> wait_and_receive(duration patience) = 0;
    /// Worker: gives the memory for results back; false when some are still used by the pool.
    virtual bool trim() noexcept = 0;

    /// Pool: takes back a task that the worker has not received yet, the oldest. Its id, if there is one.
    /// Throws `channel_broken`.
    virtual std::optional<std::uint64_t> take_back() = 0;
    /// Pool: after the worker's death: calls `take` with each of the frames that it had sent and that were
    /// not received; with `most_unread` at most, for what it has started may live, and go on. Throws
    /// `nonsense_received`, and what `take` throws.
    virtual void receive_rest(const std::function<void(frame)>& take) {
        for (int i = 0; i != most_unread; ++i) {
            auto received = receive();
            if (!received) {
                return;
            }
            take(std::move(*received));
        }
    }

    /// Pool: readable when something has come that is not in the rings; where there are none, a frame.
    [[nodiscard]] virtual int descriptor() const noexcept = 0;
    /// Pool: what the worker rings, an eventfd that need not be read; -1 when `descriptor` is all there is.
    [[nodiscard]] virtual int bell() const noexcept = 0;
    /// Pool: says that from now on it wants to be woken when a frame comes. Then look once more, and wait.
    virtual void expect_ring() noexcept = 0;
    /// Pool: takes that back, since somebody looks.
    virtual void expect_no_ring() noexcept = 0;
    /// Pool: whether there may be something to receive; asks nobody.
    [[nodiscard]] virtual bool something_came() const noexcept = 0;
    /// Takes what has come over a descriptor that was readable; false when the peer has closed the channel.
    /// Throws `nonsense_received`.
    virtual bool look_at_socket() = 0;

    /// Pool: what the worker has reported last, crashing, in bytes that nobody has looked at.
    [[nodiscard]] const std::vector<std::byte>& report() const noexcept { return report_; }

    /// The task that the worker has received last, which counts as begun. The pool asks after the worker's
    /// death.
    [[nodiscard]] virtual std::uint64_t begun() const noexcept = 0;

    /// What is larger may travel beside the message.
    static constexpr std::size_t surely_in_message = 992;

protected:
    /// More than a worker can have sent that nobody has received.
    static constexpr int most_unread = 1024;

    /// A process crashes once. Throws `nonsense_received`.
    void keep_report(std::vector<std::byte> report) {
        if (!report_.empty()) {
            throw nonsense_received("it said twice that it crashes");
        }
        report_ = std::move(report);
    }

private:
    std::vector<std::byte> report_;
};

/// How many tasks may be under way to a worker over such a channel, the one that it runs included.
[[nodiscard]] std::size_t most_under_way(isolation kind) noexcept;

/// The pool's end of a new channel. Throws `resource_error` when there is no memory, or no descriptor.
/// `tasks` is where the pool has large arguments.
std::unique_ptr<channel> make_channel(const pool_options& options, const shared_heap& tasks);
/// The worker's end.
std::unique_ptr<channel> open_channel(const channel_handle& handle);

} // namespace multiprocessing::detail
