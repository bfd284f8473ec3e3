// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "wire/ring_channel.hpp"

#include "os/copy.hpp"
#include "os/process.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <new>
#include <tuple>

namespace multiprocessing::detail {

/// What both sides have mapped:
///
///     | who waits | begun: the worker's journal | results in use | tasks | results |
struct ring_channel::control {
    /// What a side waits for: written by itself, and set back to `nothing` by the one who wakes it.
    enum : std::uint32_t { nothing, a_frame, room };
    alignas(64) std::atomic<std::uint32_t> pool_waits_for;
    alignas(64) std::atomic<std::uint32_t> worker_waits_for;
    /// The task that the worker has begun last. Written by the worker, read by the pool when it is dead.
    alignas(64) std::atomic<std::uint64_t> begun;
    /// Of results in the worker's heap.
    alignas(64) result_heap::flags in_use;
    frame_ring tasks;
    frame_ring results;
};

namespace {

static_assert(sizeof(frame_header) + channel::surely_in_message <= frame_ring::slot_size);

os::descriptor make_control(std::size_t size) {
    auto memory = os::make_memory("multiprocessing-control");
    os::resize(memory.get(), size);
    os::allocate(memory.get(), size);
    return memory;
}

/// A message in a slot, as long as it says that it is.
std::span<const std::byte> message_in(const frame_ring::slot& slot) {
    frame_header header;
    std::memcpy(&header, slot.data(), sizeof header); // once: the other side may write over it
    return std::span(slot).first(sizeof header + std::min(size_behind(header), slot.size() - sizeof header));
}

} // namespace

ring_channel::ring_channel(const shared_heap& tasks, std::chrono::nanoseconds spin)
    : end_(end::pool),
      bell_(os::make_flag()),
      control_memory_(make_control(sizeof(control))),
      control_mapping_(std::make_shared<os::mapping>(control_memory_.get(), sizeof(control))),
      heap_for_tasks_(&tasks),
      incoming_(os::make_memory("multiprocessing-results")),
      sender_(shared().tasks),
      results_(shared().results),
      tasks_(shared().tasks),
      spin_(spin) { // the worker's, to hand over
    std::tie(socket_, workers_socket_) = os::make_socket_pair();
}

ring_channel::ring_channel(const channel_handle& handle)
    : end_(end::worker),
      socket_(handle.socket),
      bell_(handle.bell),
      control_memory_(handle.control),
      control_mapping_(std::make_shared<os::mapping>(control_memory_.get(), sizeof(control))),
      incoming_(os::descriptor(handle.task_heap)),
      own_results_(std::in_place, os::descriptor(handle.result_heap), shared().in_use),
      sender_(shared().results),
      results_(shared().results),
      tasks_(shared().tasks),
      spin_(handle.spin) {}

channel_handle ring_channel::handle() const {
    return {.socket = workers_socket_.get(),
            .bell = bell_.get(),
            .spin = spin_.longest(),
            .control = control_memory_.get(),
            .task_heap = heap_for_tasks_->reader(),
            .result_heap = incoming_.descriptor()};
}

/// New memory is zeros, and those are what everything in it begins with.
ring_channel::control& ring_channel::shared() const noexcept {
    return *std::launder(reinterpret_cast<control*>(control_mapping_->data()));
}

// Who waits says so and then looks again; who has done something asks afterwards whether the other waits.

void ring_channel::wake_worker_if_it_waits_for(std::uint32_t what) noexcept {
    std::atomic_thread_fence(std::memory_order_seq_cst);
    auto& word = shared().worker_waits_for;
    if (word.load(std::memory_order_relaxed) == what &&
        word.compare_exchange_strong(what, control::nothing)) {
        os::wake_one(word);
    }
}

void ring_channel::ring_pool_if_it_waits() noexcept {
    std::atomic_thread_fence(std::memory_order_seq_cst);
    auto& word = shared().pool_waits_for;
    std::uint32_t waiting = control::a_frame;
    if (word.load(std::memory_order_relaxed) == waiting &&
        word.compare_exchange_strong(waiting, control::nothing)) {
        os::set_flag(bell_.get());
    }
}

void ring_channel::expect_ring() noexcept {
    shared().pool_waits_for.store(control::a_frame);
    std::atomic_thread_fence(std::memory_order_seq_cst);
}

void ring_channel::expect_no_ring() noexcept {
    shared().pool_waits_for.store(control::nothing, std::memory_order_relaxed);
}

/// Sleeps until what this worker waits for is there, of which the pool wakes it, or until the deadline.
template <class Condition>
void ring_channel::sleep_until(std::uint32_t what, const Condition& is_there, steady_time deadline) {
    auto& word = shared().worker_waits_for;
    for (bool in_time = true; in_time;) {
        word.store(what);
        std::atomic_thread_fence(std::memory_order_seq_cst);
        if (is_there()) {
            break;
        }
        while (in_time && word.load() == what) {
            in_time = deadline == steady_time::max() || std::chrono::steady_clock::now() < deadline;
            if (in_time) {
                os::wait_on(word, what, deadline);
            }
        }
    }
    word.store(control::nothing);
}

bool ring_channel::look_at_socket() {
    // No socket holds so many at once. Who sends faster than this end can read is not to hold it up.
    constexpr int most_at_once = 10'000;
    for (int i = 0; i != most_at_once; ++i) {
        auto arrived = os::receive(socket_.get());
        switch (arrived.what) {
        case os::arrival::type::nothing:
            return true;
        case os::arrival::type::nonsense:
            throw nonsense_received("it sent a packet that says nothing");
        case os::arrival::type::descriptor:
            couriers_[arrived.tag] = std::move(arrived.carried);
            if (end_ == end::pool && couriers_.size() > frame_ring::slots + 1) {
                throw nonsense_received("it sent more descriptors than frames can be under way");
            }
            break;
        case os::arrival::type::report:
            keep_report(std::move(arrived.report));
            break;
        case os::arrival::type::end:
            return false;
        }
    }
    return true;
}

void ring_channel::write(frame_kind kind, std::uint64_t id, std::span<const std::byte> content,
                         frame_route route, const heap_place& place) {
    if (!sender_.has_room()) {
        throw channel_broken("the worker does not take what it is sent");
    }
    (void)write_message({sender_.number(), id, content.size(), kind, route}, content, sender_.slot(), place);
    ids_[sender_.number() % frame_ring::slots] = id;
    sender_.written();
}

frame_route ring_channel::send(frame_kind kind, std::uint64_t id, std::span<const std::byte> content) {
    heap_place place{};
    const auto route = place_content(content, place);
    const auto has_room = [this] { return sender_.has_room(); };
    if (end_ == end::worker && !has_room()) {
        sleep_until(control::room, has_room, steady_time::max());
    }
    write(kind, id, content, route, place);
    sender_.send();
    if (end_ == end::pool) {
        wake_worker_if_it_waits_for(control::a_frame);
    } else {
        ring_pool_if_it_waits();
    }
    return route;
}

void ring_channel::send_all(std::span<const outgoing> frames) {
    for (const auto& each : frames) {
        write(each.kind, each.id, each.content, frame_route::in_message, {});
    }
    sender_.send();
    wake_worker_if_it_waits_for(control::a_frame);
}

frame_route ring_channel::place_content(std::span<const std::byte> content, heap_place& place) {
    if (content.size() <= surely_in_message) {
        return frame_route::in_message;
    }
    if (end_ == end::pool) {
        if (const auto offset = heap_for_tasks_->offset_of(content)) {
            place.offset = *offset;
            return frame_route::in_heap;
        }
    } else if (const auto own = own_results_->hand_over(content)) {
        place = *own;
        return frame_route::in_heap;
    }
    const auto memory = os::make_sealed_memory("multiprocessing-payload", content);
    if (!os::send_descriptor(socket_.get(), memory.get(), sender_.number())) {
        throw channel_broken("the peer has closed the channel");
    }
    return frame_route::by_courier;
}

bool ring_channel::something_came() const noexcept {
    return results_.something_came();
}

std::optional<frame> ring_channel::receive() {
    return end_ == end::pool ? receive_result() : receive_task();
}

std::optional<frame> ring_channel::receive_result() {
    constexpr std::uint64_t often = 16; // to look whether the worker waits
    if (!results_.has_message()) {
        return std::nullopt;
    }
    auto received = take_frame(message_in(results_.slot()), results_.number());
    results_.taken();
    if (!results_.something_came() || results_.number() % often == 0) {
        wake_worker_if_it_waits_for(control::room);
    }
    return received;
}

std::optional<frame> ring_channel::receive_task() {
    frame_ring::slot copy;
    std::size_t size = 0;
    const auto number = tasks_.take([&](const frame_ring::slot& slot) {
        const auto message = message_in(slot);
        size = message.size();
        std::memcpy(copy.data(), message.data(), size);
    });
    if (!number) {
        return std::nullopt;
    }
    return take_frame(std::span(copy).first(size), *number);
}

std::optional<frame> ring_channel::wait_and_receive(duration patience) {
    auto received = receive();
    const auto look = [&] { return (received = receive()).has_value(); };
    if (!received && !spin_(look)) {
        sleep_until(control::a_frame, look, deadline_after(patience));
        spin_.learn();
    }
    return received;
}

frame ring_channel::take_frame(std::span<const std::byte> message, std::uint64_t number) {
    const auto view = parse_message(message);
    const auto& header = view.header;
    if (header.sequence != number) {
        throw nonsense_received("a frame is not the next one");
    }
    if (end_ == end::worker && is_task(header.kind)) {
        // Before the content is looked at, which may be what kills the worker.
        shared().begun.store(header.id, std::memory_order_release);
    }
    return take_frame_with(header, [&] { return take_content(view); });
}

payload ring_channel::take_content(const message_view& message) {
    const auto& header = message.header;
    switch (header.route) {
    case frame_route::in_message:
        return copy_of(message.content);
    case frame_route::in_heap:
        return end_ == end::pool ? take_result(message) : incoming_.read(message.place.offset, header.size);
    case frame_route::by_courier: {
        look_at_socket(); // it was sent before the frame was
        couriers_.erase(couriers_.begin(), couriers_.lower_bound(header.sequence)); // of frames taken back
        auto memory = couriers_.extract(header.sequence);
        if (memory.empty()) {
            break;
        }
        if (!memory.mapped()) {
            throw_no_descriptor(header.size);
        }
        return read_sealed(std::move(memory.mapped()), header.size);
    }
    }
    throw nonsense_received("a frame's content is not where it is said to be");
}

/// A result in the worker's heap. Its last user gives it back; but not in a copy of this process.
payload ring_channel::take_result(const message_view& message) {
    if (message.place.flag >= result_heap::most) {
        throw nonsense_received("a content is announced with a flag that there is not");
    }
    auto* const in_use = &shared().in_use[message.place.flag];
    try {
        const auto stored = incoming_.read(message.place.offset, message.header.size);
        std::shared_ptr<const void> lease(
            stored.bytes().data(),
            [in_use, kept = stored, control = control_mapping_, user = os::maker()](const void*) {
                if (user.is_this_process()) {
                    in_use->store(0, std::memory_order_release);
                }
            });
        return {std::move(lease), stored.bytes()};
    } catch (...) {
        in_use->store(0, std::memory_order_release);
        throw;
    }
}

std::optional<std::uint64_t> ring_channel::take_back() {
    const auto number = sender_.take_back();
    return number ? std::optional(ids_[*number % frame_ring::slots]) : std::nullopt;
}

void ring_channel::receive_rest(const std::function<void(frame)>& take) {
    look_at_socket();
    channel::receive_rest(take);
}

std::uint64_t ring_channel::begun() const noexcept {
    return shared().begun.load(std::memory_order_acquire);
}

} // namespace multiprocessing::detail
