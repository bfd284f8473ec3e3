// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "wire/queue_channel.hpp"

#include "os/copy.hpp"
#include "os/process.hpp"
#include "wire/message_queue.hpp"

#include <array>
#include <atomic>
#include <cstring>
#include <map>
#include <new>
#include <thread>
#include <tuple>

namespace multiprocessing::detail {

/// What one side says to the other.
struct alignas(64) queue_channel::side {
    /// Written by the side itself, and set back to `nothing` by the one who wakes it.
    std::atomic<std::uint32_t> waiting_for;

    /// The sequence number of its last frame that is complete in the queue: what is salvaged when it is dead,
    /// and tells the peer without a lock that there is nothing to receive.
    alignas(64) std::atomic<std::uint64_t> sent;

    enum : std::uint32_t { nothing, a_frame, room };
};

///     | pool's side | worker's side | begun: the worker's journal | turns |
struct queue_channel::control {
    side pool;
    side worker;
    /// The task that the worker has begun last. Written by the worker, read by the pool when it is dead.
    alignas(64) std::atomic<std::uint64_t> begun;
    /// Who is inside an operation on the queue: nobody (0) or somebody (1).
    alignas(64) std::atomic<std::uint32_t> task_turn;
    std::atomic<std::uint32_t> result_turn;
    /// Of results in the worker's heap.
    alignas(64) result_heap::flags in_use;
};

struct queue_channel::queues {
    message_queue tasks;
    message_queue results;
};

namespace {

/// Results that the pool takes in a turn: so many that locks and looks are few, so few that the worker need
/// not wait for its own.
constexpr std::size_t most_in_a_turn = 16;

os::descriptor make_control(std::size_t size) {
    auto memory = os::make_memory("multiprocessing-control");
    os::resize(memory.get(), size);
    os::allocate(memory.get(), size);
    return memory;
}

} // namespace

queue_channel::queue_channel(const shared_heap& tasks, std::chrono::nanoseconds spin)
    : end_(end::pool),
      task_queue_name_("-tasks"),
      result_queue_name_("-results"),
      control_memory_(make_control(sizeof(control))),
      control_mapping_(std::make_shared<os::mapping>(control_memory_.get(), sizeof(control))),
      tasks_(&tasks),
      incoming_(os::make_memory("multiprocessing-results")),
      queues_(new queues{message_queue::create(task_queue_name_.text(), slots, slot_size),
                         message_queue::create(result_queue_name_.text(), slots, slot_size)}) {
    std::tie(socket_, workers_socket_) = os::make_socket_pair();
    bell_ = os::make_flag();
    ::new (control_mapping_->data()) control{};
    received_.messages.resize(most_in_a_turn * slot_size);
    spin_ = os::spin(spin); // the worker's, to hand over
}

queue_channel::queue_channel(const channel_handle& handle)
    : end_(end::worker),
      socket_(handle.socket),
      bell_(handle.bell),
      control_memory_(handle.control),
      control_mapping_(std::make_shared<os::mapping>(control_memory_.get(), sizeof(control))),
      incoming_(os::descriptor(handle.task_heap)),
      queues_(new queues{message_queue::open(handle.task_queue), message_queue::open(handle.result_queue)}) {
    own_results_.emplace(os::descriptor(handle.result_heap), shared().in_use);
    received_.messages.resize(slot_size);
    spin_ = os::spin(handle.spin);
}

queue_channel::~queue_channel() = default;

channel_handle queue_channel::handle() const {
    return {.task_queue = task_queue_name_.text(),
            .result_queue = result_queue_name_.text(),
            .socket = workers_socket_.get(),
            .bell = bell_.get(),
            .spin = spin_.longest(),
            .control = control_memory_.get(),
            .task_heap = tasks_->reader(),
            .result_heap = incoming_.descriptor()};
}

void queue_channel::worker_is_there() noexcept {
    task_queue_name_.remove();
    result_queue_name_.remove();
    workers_socket_ = os::descriptor();
}

queue_channel::control& queue_channel::shared() const noexcept {
    return *std::launder(reinterpret_cast<control*>(control_mapping_->data()));
}

queue_channel::side& queue_channel::mine() const noexcept {
    return end_ == end::pool ? shared().pool : shared().worker;
}

queue_channel::side& queue_channel::peers() const noexcept {
    return end_ == end::pool ? shared().worker : shared().pool;
}

template <class Operation>
auto queue_channel::in_turn(std::atomic<std::uint32_t>& turn, const message_queue& queue,
                            const Operation& operation) {
    wait_for_turn(turn);
    struct give_back {
        std::atomic<std::uint32_t>& turn;
        ~give_back() { turn.store(0, std::memory_order_release); }
    } at_the_end{turn};
    if (end_ == end::pool) {
        queue.check_untouched();
    }
    return operation();
}

void queue_channel::wait_for_turn(std::atomic<std::uint32_t>& turn) const {
    const auto take = [&] {
        std::uint32_t nobody = 0;
        return turn.compare_exchange_strong(nobody, 1, std::memory_order_acquire);
    };
    constexpr int attempts_at_once = 100; // a turn takes less than a microsecond, where its owner is running
    for (int attempt = 0; attempt != attempts_at_once; ++attempt) {
        if (take()) {
            return;
        }
        os::relax();
    }
    constexpr int attempts_between_looks = 100;
    constexpr std::chrono::milliseconds pause{1}; // a turn that is not over by now is of one who is stopped
    const auto patience = std::chrono::steady_clock::now() + longest_turn;
    for (int attempt = 1; !take(); ++attempt) {
        std::this_thread::yield();
        if (attempt % attempts_between_looks != 0) {
            continue;
        }
        if (end_ == end::worker) { // waits for as long as it takes: without its pool it is nothing
            std::this_thread::sleep_for(pause);
            continue;
        }
        if (worker_ >= 0 && os::wait_readable(worker_, steady_time::min())) {
            return; // it is dead
        }
        if (std::chrono::steady_clock::now() > patience) {
            throw channel_broken("the worker has been inside an operation for too long");
        }
    }
}

// Who waits says so and then looks again; who has done something asks afterwards whether the other waits.

void queue_channel::wake_worker_if_it_waits_for(std::uint32_t what) noexcept {
    std::atomic_thread_fence(std::memory_order_seq_cst);
    auto& word = shared().worker.waiting_for;
    if (word.load(std::memory_order_relaxed) == what && word.compare_exchange_strong(what, side::nothing)) {
        os::wake_one(word);
    }
}

void queue_channel::ring_pool_if_it_waits() noexcept {
    std::atomic_thread_fence(std::memory_order_seq_cst);
    auto& word = shared().pool.waiting_for;
    std::uint32_t waiting = side::a_frame;
    if (word.load(std::memory_order_relaxed) == waiting &&
        word.compare_exchange_strong(waiting, side::nothing)) {
        os::set_flag(bell_.get());
    }
}

void queue_channel::expect_ring() noexcept {
    shared().pool.waiting_for.store(side::a_frame);
    std::atomic_thread_fence(std::memory_order_seq_cst);
}

void queue_channel::expect_no_ring() noexcept {
    shared().pool.waiting_for.store(side::nothing, std::memory_order_relaxed);
}

/// Whether the pool has woken this worker before the deadline.
bool queue_channel::wait_for(std::uint32_t what, steady_time deadline) {
    auto& word = shared().worker.waiting_for;
    while (word.load() == what) {
        if (deadline != steady_time::max() && std::chrono::steady_clock::now() >= deadline) {
            return false;
        }
        os::wait_on(word, what, deadline);
    }
    return true;
}

bool queue_channel::look_at_socket() {
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
            if (end_ == end::pool && couriers_.size() > slots) {
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

bool queue_channel::try_send(std::span<const std::byte> message) {
    return end_ == end::pool
               ? in_turn(shared().task_turn, queues_->tasks, [&] { return queues_->tasks.try_send(message); })
               : in_turn(shared().result_turn, queues_->results,
                         [&] { return queues_->results.try_send(message); });
}

frame_route queue_channel::send(frame_kind kind, std::uint64_t id, std::span<const std::byte> content) {
    heap_place place{};
    const frame_header header{last_sent_ + 1, id, content.size(), kind, place_content(content, place)};
    std::array<std::byte, slot_size> buffer;
    const auto message = std::span(buffer).first(write_message(header, content, buffer, place));
    while (!try_send(message)) {
        if (end_ == end::pool) {
            throw channel_broken("the task queue of a worker is full");
        }
        mine().waiting_for.store(side::room);
        std::atomic_thread_fence(std::memory_order_seq_cst);
        const bool is_sent = try_send(message);
        if (!is_sent) {
            wait_for(side::room, steady_time::max());
        }
        mine().waiting_for.store(side::nothing);
        if (is_sent) {
            break;
        }
    }
    last_sent_ = header.sequence;
    mine().sent.store(last_sent_, std::memory_order_release);
    if (end_ == end::pool) {
        wake_worker_if_it_waits_for(side::a_frame);
    } else {
        ring_pool_if_it_waits();
    }
    return header.route;
}

/// In one turn; and the worker is told once. Should this process end meanwhile, so does the worker.
void queue_channel::send_all(std::span<const outgoing> frames) {
    auto& queue = queues_->tasks;
    in_turn(shared().task_turn, queue, [&] {
        std::array<std::byte, slot_size> buffer;
        for (const auto& each : frames) {
            const frame_header header{last_sent_ + 1, each.id, each.content.size(), each.kind,
                                      frame_route::in_message};
            if (!queue.try_send(std::span(buffer).first(write_message(header, each.content, buffer)))) {
                throw channel_broken("the task queue of a worker is full");
            }
            queue.check_untouched(); // before the next one
            last_sent_ = header.sequence;
        }
    });
    mine().sent.store(last_sent_, std::memory_order_release);
    wake_worker_if_it_waits_for(side::a_frame);
}

frame_route queue_channel::place_content(std::span<const std::byte> content, heap_place& place) {
    if (content.size() <= surely_in_message) {
        return frame_route::in_message;
    }
    if (end_ == end::pool) {
        if (const auto offset = tasks_->offset_of(content)) {
            place.offset = *offset;
            return frame_route::in_heap;
        }
    } else if (const auto own = own_results_->hand_over(content)) {
        place = *own;
        return frame_route::in_heap;
    }
    const auto memory = os::make_sealed_memory("multiprocessing-payload", content);
    if (!os::send_descriptor(socket_.get(), memory.get(), last_sent_ + 1)) {
        throw channel_broken("the peer has closed the channel");
    }
    return frame_route::by_courier;
}

bool queue_channel::something_came() const noexcept {
    return peers().sent.load(std::memory_order_acquire) != last_received_;
}

std::optional<frame> queue_channel::receive() {
    return something_came() ? take_next() : std::nullopt;
}

/// The next frame, whatever the worker says that it has sent.
std::optional<frame> queue_channel::take_next() {
    if (received_.next == received_.sizes.size()) {
        receive_some();
        if (received_.sizes.empty()) {
            return std::nullopt;
        }
    }
    const auto index = received_.next++;
    return take_frame(std::span(received_.messages).subspan(index * slot_size, received_.sizes[index]));
}

void queue_channel::receive_some() {
    received_.next = 0;
    received_.sizes.clear();
    auto& queue = end_ == end::pool ? queues_->results : queues_->tasks;
    auto& turn = end_ == end::pool ? shared().result_turn : shared().task_turn;
    in_turn(turn, queue, [&] {
        for (auto room = std::span(received_.messages); !room.empty(); room = room.subspan(slot_size)) {
            const auto size = queue.try_receive(room.first(slot_size));
            if (size == message_queue::nothing) {
                return;
            }
            received_.sizes.push_back(size);
            if (end_ == end::pool) {
                queue.check_untouched();
            }
        }
    });
    if (end_ == end::pool && !received_.sizes.empty()) {
        wake_worker_if_it_waits_for(side::room);
    }
}

std::optional<frame> queue_channel::wait_and_receive(duration patience) {
    auto received = receive();
    const auto look = [&] { return (received = receive()).has_value(); };
    if (received || spin_(look)) {
        return received;
    }
    const auto deadline = deadline_after(patience);
    for (bool in_time = true; in_time && !received;) {
        mine().waiting_for.store(side::a_frame);
        std::atomic_thread_fence(std::memory_order_seq_cst);
        if (!look()) {
            in_time = wait_for(side::a_frame, deadline);
        }
        mine().waiting_for.store(side::nothing);
    }
    spin_.learn();
    return received;
}

frame queue_channel::take_frame(std::span<const std::byte> message) {
    const auto view = parse_message(message);
    const auto& header = view.header;
    // A frame that the pool takes back is missing at the worker's end.
    const bool in_order =
        end_ == end::pool ? header.sequence == last_received_ + 1 : header.sequence > last_received_;
    if (!in_order) {
        throw nonsense_received("a frame is not the next one");
    }
    last_received_ = header.sequence;
    if (end_ == end::worker && is_task(header.kind)) {
        // Before the content is looked at, which may be what kills the worker.
        shared().begun.store(header.id, std::memory_order_release);
    }
    return take_frame_with(header, [&] { return take_content(view); });
}

payload queue_channel::take_content(const message_view& message) {
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
payload queue_channel::take_result(const message_view& message) {
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

std::optional<std::uint64_t> queue_channel::take_back() {
    std::array<std::byte, slot_size> message;
    auto& queue = queues_->tasks;
    const auto size = in_turn(shared().task_turn, queue, [&] { return queue.try_receive(message); });
    if (size == message_queue::nothing) {
        return std::nullopt;
    }
    return parse_message({message.data(), size}).header.id;
}

void queue_channel::receive_rest(const std::function<void(frame)>& take) {
    try {
        look_at_socket();
        take_all([this] { return take_next(); }, take);
    } catch (const nonsense_received&) {
        throw;
    } catch (const channel_broken&) {
        salvage(take);
    }
}

void queue_channel::salvage(const std::function<void(frame)>& take) {
    const auto sent = shared().worker.sent.load(std::memory_order_acquire);
    // The queue's own order may be half changed, but a slot keeps its message until it is received.
    std::map<std::uint64_t, std::span<const std::byte>> unread;
    for (const auto message : queues_->results.all_slots()) {
        frame_header header;
        if (message.size() >= sizeof header) {
            std::memcpy(&header, message.data(), sizeof header);
            if (header.sequence > last_received_ && header.sequence <= sent) {
                unread.emplace(header.sequence, message);
            }
        }
    }
    for (const auto& [sequence, message] : unread) {
        take(take_frame(message));
    }
}

std::uint64_t queue_channel::begun() const noexcept {
    return shared().begun.load(std::memory_order_acquire);
}

} // namespace multiprocessing::detail
