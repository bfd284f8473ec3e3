// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "os/socket.hpp"
#include "os/spin.hpp"
#include "wire/channel.hpp"
#include "wire/frame_ring.hpp"
#include "wire/payload.hpp"
#include "wire/shared_heap.hpp"

#include <array>
#include <map>

namespace multiprocessing::detail {

/// A channel over shared memory:
///
///      pool                                                worker
///       |--- tasks    frame_ring -------------------------->|   frames with small contents
///       |<-- results  frame_ring ---------------------------|
///       |--- heap for tasks, of all of a pool's workers --->|   large contents
///       |<-- heap for results ------------------------------|   large contents
///       |<== socket: courier of sealed memfds =============>|   what the heaps have no room for
///       |<-- socket: a crashing worker's report ------------|
///       |<-- bell: eventfd ---------------------------------|
///       |    control block: memfd, written by both          |   the rings, who sleeps, the journal
///
/// The worker waits on a word of the control block (its lifeline tells it of its pool's end), the pool on the
/// bell, among other descriptors. A peer is rung only when it has said that it sleeps.
///
/// There are no locks: a worker that dies or is stopped inside an operation keeps nobody waiting, and what it
/// has sent can be received. What it writes where it should not is its own loss.
class ring_channel final : public channel {
public:
    /// Enough that a worker with the shortest tasks works on while its pool is not scheduled. There is room
    /// for some frames that are not tasks.
    static constexpr std::size_t most_under_way = frame_ring::slots - 16;

    /// `spin`: how long the worker looks for a frame at most before it goes to sleep.
    ring_channel(const shared_heap& tasks, std::chrono::nanoseconds spin);
    explicit ring_channel(const channel_handle& handle);

    [[nodiscard]] channel_handle handle() const override;
    void worker_is_there() noexcept override { workers_socket_ = os::descriptor(); }
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
    struct control;
    enum class end : bool { pool, worker };

    [[nodiscard]] control& shared() const noexcept;
    void wake_worker_if_it_waits_for(std::uint32_t what) noexcept;
    void ring_pool_if_it_waits() noexcept;
    template <class Condition>
    void sleep_until(std::uint32_t what, const Condition& is_there, steady_time deadline);
    void write(frame_kind kind, std::uint64_t id, std::span<const std::byte> content, frame_route route,
               const heap_place& place);
    std::optional<frame> receive_task();
    std::optional<frame> receive_result();
    frame_route place_content(std::span<const std::byte> content, heap_place& place);
    frame take_frame(std::span<const std::byte> message, std::uint64_t number);
    payload take_content(const message_view& message);
    payload take_result(const message_view& message);

    const end end_;
    os::descriptor socket_;
    os::descriptor workers_socket_; // at the pool's end until the worker is there
    os::descriptor bell_;
    os::descriptor control_memory_;
    std::shared_ptr<os::mapping> control_mapping_;
    const shared_heap* heap_for_tasks_ = nullptr; // at the pool's end
    shared_heap_reader incoming_;
    std::optional<result_heap> own_results_; // at the worker's end
    ring_sender sender_;
    std::array<std::uint64_t, frame_ring::slots> ids_{}; // of what is in the slots that it writes
    ring_receiver results_;                              // at the pool's end
    ring_rival tasks_;                                   // at the worker's end
    std::map<std::uint64_t, os::descriptor> couriers_;   // arrived, by the numbers of their frames
    os::spin spin_;
};

} // namespace multiprocessing::detail
