// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "ipc/names.hpp"
#include "os/socket.hpp"
#include "os/spin.hpp"
#include "wire/channel.hpp"
#include "wire/payload.hpp"
#include "wire/shared_heap.hpp"

#include <atomic>
#include <map>

namespace multiprocessing::detail {

class message_queue;

/// A channel over shared memory:
///
///      pool                                                worker
///       |--- tasks    message_queue ----------------------->|   frames with small contents
///       |<-- results  message_queue ------------------------|
///       |--- heap for tasks, of all of a pool's workers --->|   large contents
///       |<-- heap for results ------------------------------|   large contents
///       |<== socket: courier of sealed memfds =============>|   what the heaps have no room for
///       |<-- socket: a crashing worker's report ------------|
///       |<-- bell: eventfd ---------------------------------|
///       |    control block: memfd, written by both          |   who sleeps, whose turn, the journal
///
/// Only the `try_` operations of message_queue are used: whoever dies waiting inside would take others along.
/// The worker waits on a word of the control block (its lifeline tells it of its pool's end), the pool on the
/// bell, among other descriptors. A peer is rung only when it has said that it sleeps.
///
/// The two take turns at a queue, so that its mutex is always free for the one whose turn it is. The pool
/// waits for its turn for a bounded time only: a worker that was stopped inside an operation stops nobody
/// else. And it looks at the queue before it uses it: one in which the worker has died inside an operation,
/// or which it has scribbled over, is not used again. What the worker had sent before is salvaged out of the
/// queue's memory.
class queue_channel final : public channel {
public:
    /// Messages that each queue has room for.
    static constexpr std::size_t slots = 256;
    /// Enough that a worker with the shortest tasks works on while its pool is not scheduled. There is room
    /// for some frames that are not tasks.
    static constexpr std::size_t most_under_way = slots - 16;
    /// How long the pool waits for a worker that is inside an operation, which takes microseconds when it is
    /// not stopped. A machine that is loaded so heavily that it takes a second loses a worker.
    static constexpr std::chrono::seconds longest_turn{1};
    /// With 256 slots in two queues half a MiB for each worker: 100 workers fit in the 64 MiB of /dev/shm
    /// that containers usually have.
    static constexpr std::size_t slot_size = sizeof(frame_header) + surely_in_message;

    /// `spin`: how long the worker looks for a frame at most before it goes to sleep.
    queue_channel(const shared_heap& tasks, std::chrono::nanoseconds spin);
    explicit queue_channel(const channel_handle& handle);
    ~queue_channel() override;

    [[nodiscard]] channel_handle handle() const override;
    void watch(int worker) noexcept override { worker_ = worker; }
    void worker_is_there() noexcept override;
    frame_route send(frame_kind kind, std::uint64_t id, std::span<const std::byte> content) override;
    void send_all(std::span<const outgoing> frames) override;
    [[nodiscard]] memory_source* memory_for_results() noexcept override { return &*own_results_; }
    std::optional<frame> receive() override;
    std::optional<frame> wait_and_receive(duration patience) override;
    bool trim() noexcept override { return own_results_->trim(); }
    std::optional<std::uint64_t> take_back() override;
    void receive_rest(const std::function<void(frame)>& take) override;
    [[nodiscard]] int descriptor() const noexcept override { return socket_.get(); }
    [[nodiscard]] int bell() const noexcept override { return bell_.get(); }
    void expect_ring() noexcept override;
    void expect_no_ring() noexcept override;
    [[nodiscard]] bool something_came() const noexcept override;
    bool look_at_socket() override;
    [[nodiscard]] std::uint64_t begun() const noexcept override;

private:
    struct queues;
    struct side;
    struct control;
    enum class end : bool { pool, worker };
    /// Messages on this side. The pool takes several in a turn; a worker takes one, so that the others can be
    /// taken back.
    struct inbox {
        std::vector<std::byte> messages{};
        std::vector<std::size_t> sizes{};
        std::size_t next = 0;
    };

    [[nodiscard]] side& mine() const noexcept;
    [[nodiscard]] side& peers() const noexcept;
    void wake_worker_if_it_waits_for(std::uint32_t what) noexcept;
    void ring_pool_if_it_waits() noexcept;
    bool wait_for(std::uint32_t what, steady_time deadline);
    template <class Operation>
    auto in_turn(std::atomic<std::uint32_t>& turn, const message_queue& queue, const Operation& operation);
    bool try_send(std::span<const std::byte> message);
    std::optional<frame> take_next();
    void receive_some();
    void wait_for_turn(std::atomic<std::uint32_t>& turn) const;
    [[nodiscard]] control& shared() const noexcept;
    frame_route place_content(std::span<const std::byte> content, heap_place& place);
    void salvage(const std::function<void(frame)>& take);
    frame take_frame(std::span<const std::byte> message);
    payload take_content(const message_view& message);
    payload take_result(const message_view& message);

    end end_;
    own_name task_queue_name_; // at the pool's end, until the worker is there
    own_name result_queue_name_;
    os::descriptor socket_;
    os::descriptor workers_socket_; // at the pool's end until the worker is there
    os::descriptor bell_;
    os::descriptor control_memory_;
    std::shared_ptr<os::mapping> control_mapping_;
    const shared_heap* tasks_ = nullptr; // at the pool's end
    shared_heap_reader incoming_;
    std::optional<result_heap> own_results_; // at the worker's end
    std::unique_ptr<queues> queues_;
    int worker_ = -1;
    std::map<std::uint64_t, os::descriptor> couriers_; // arrived, by the sequence numbers of their frames
    inbox received_;                                   // and not yet taken
    os::spin spin_{std::chrono::nanoseconds(0)};
    std::uint64_t last_sent_ = 0;
    std::uint64_t last_received_ = 0;
};

} // namespace multiprocessing::detail
