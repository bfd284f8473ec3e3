// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "ipc/names.hpp"
#include "os/socket.hpp"
#include "wire/frame.hpp"
#include "wire/payload.hpp"

#include <multiprocessing/serialize.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace multiprocessing::detail {

/// What a worker needs to open its end. The descriptors are inherited under these numbers.
struct channel_handle {
    std::string task_queue{};
    std::string result_queue{};
    int socket = -1;
    int control = -1;
    int task_buffer = -1;
    int result_buffer = -1;

    [[nodiscard]] std::vector<int> descriptors() const {
        return {socket, control, task_buffer, result_buffer};
    }
};

/// Between a pool and one worker, never shared with another:
///
///      pool                                                worker
///       |--- tasks    message_queue ----------------------->|   frames with small contents
///       |<-- results  message_queue ------------------------|
///       |--- task buffer, result buffer: memfds ----------->|   one large content each
///       |<== socket: bell, and courier of sealed memfds ===>|   further large contents
///       |    control block: memfd, written by both          |   who sleeps, whose turn, the journal
///
/// Only the `try_` operations of message_queue are used: whoever dies waiting inside would take others along.
/// Waiting is on the socket, and a peer is rung only when it has said that it sleeps.
///
/// The two take turns at a queue, so that its mutex is always free for the one whose turn it is. The pool
/// waits for its turn for a bounded time only: a worker that was stopped inside an operation stops nobody
/// else.
///
/// When a worker dies inside an operation, the queue's mutex stays locked for ever and the queue answers
/// nobody. What the worker had sent before is then salvaged out of the queue's memory.
///
/// Not thread-safe; the pool guards its end.
class channel {
public:
    /// Tasks that may be under way to a worker, and results from it. The pool never has more tasks under way.
    static constexpr std::size_t slots = 64;
    /// How long the pool waits for a worker that is inside an operation, which takes microseconds when it is
    /// not stopped. A machine that is loaded so heavily that it takes a second loses a worker.
    static constexpr std::chrono::seconds longest_turn{1};
    /// With 64 slots in two queues half a MiB for each worker: 100 workers fit in the 64 MiB of /dev/shm that
    /// containers usually have.
    static constexpr std::size_t slot_size = 4096;
    static constexpr std::size_t largest_in_message = slot_size - sizeof(frame_header);

    /// The pool's end of a new channel. Throws `resource_error` when there is no room in /dev/shm, or no
    /// descriptor.
    channel();
    /// The worker's end.
    explicit channel(const channel_handle& handle);
    ~channel();
    channel(const channel&) = delete;
    channel& operator=(const channel&) = delete;

    /// For the worker. Its descriptors are owned by this end.
    [[nodiscard]] channel_handle handle() const;
    /// Pool: the worker's pidfd, to see whether it is dead when it is its turn.
    void watch(int worker) noexcept { worker_ = worker; }
    /// Removes the names, once the worker has opened its end or never will.
    void remove_names() noexcept;

    /// Sends a frame. The worker's end waits for room; the pool's needs none, as long as it keeps to `slots`.
    /// Throws `channel_broken`, and `resource_error` when there is no memory for a large content.
    void send(frame_kind kind, std::uint64_t id, std::span<const std::byte> content);

    /// The next frame, if one is there. Throws `channel_broken`.
    std::optional<frame> receive();
    /// Waits for the next frame. Throws `channel_broken`.
    frame wait_and_receive();

    /// Pool: takes back a frame that the worker has not received yet, the oldest. Its id, if there is one.
    /// Throws `channel_broken`.
    std::optional<std::uint64_t> take_back();
    /// Pool: after the worker's death, when `receive` says the channel is broken: calls `take` with each of
    /// the frames it had sent. Throws `nonsense_received`.
    void salvage(const std::function<void(frame)>& take);

    /// The socket: readable when rung.
    [[nodiscard]] int descriptor() const noexcept;
    /// Says that from now on this end wants to be rung when a frame comes. Then look once more, and poll.
    void expect_ring() noexcept;
    /// Takes what came over the socket; false when the peer has closed it. Throws `nonsense_received`.
    bool answer_ring();

    /// The task that the worker has received last, which counts as begun. The pool asks after the worker's
    /// death.
    [[nodiscard]] std::uint64_t begun() const noexcept;

private:
    struct queues;
    struct side;
    struct control;
    enum class end : bool { pool, worker };

    [[nodiscard]] side& mine() const noexcept;
    [[nodiscard]] side& peers() const noexcept;
    void ring_if_waiting_for(std::uint32_t what) noexcept;
    void wait_for_ring();
    template <class Operation>
    auto in_turn(std::atomic<std::uint32_t>& turn, const Operation& operation);
    void wait_for_turn(std::atomic<std::uint32_t>& turn) const;
    [[nodiscard]] control& shared() const noexcept;
    frame_route place_content(std::span<const std::byte> content);
    frame take_frame(std::span<const std::byte> message);
    payload take_content(const frame_header& header, std::span<const std::byte> in_message);

    end end_;
    own_name task_queue_name_; // at the pool's end, until `remove_names`
    own_name result_queue_name_;
    os::descriptor socket_;
    os::descriptor workers_socket_; // at the pool's end until `remove_names`
    os::descriptor control_memory_;
    std::shared_ptr<os::mapping> control_mapping_;
    payload_buffer outgoing_;
    payload_buffer incoming_;
    std::unique_ptr<queues> queues_;
    int worker_ = -1;
    std::map<std::uint64_t, os::descriptor> couriers_; // arrived, by the sequence numbers of their frames
    std::uint64_t last_sent_ = 0;
    std::uint64_t last_received_ = 0;
};

} // namespace multiprocessing::detail
