// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// queue: a ring of messages behind a gate, what to wait on, and an arena for values too large for a message.
#include "ipc/arena.hpp"
#include "ipc/gate.hpp"
#include "ipc/message_ring.hpp"
#include "ipc/named_memory.hpp"
#include "ipc/names.hpp"
#include "ipc/occasion.hpp"
#include "os/copy.hpp"
#include "os/memory.hpp"
#include "os/process.hpp"
#include "os/unshared.hpp"

#include <multiprocessing/queue.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <deque>
#include <limits>
#include <memory>
#include <mutex>
#include <new>
#include <sstream>
#include <stdexcept>

namespace multiprocessing::detail {
namespace {

/// A queue's shared memory:
///
///     | control | slots of the ring | arena, as far as it has been used
///
/// Written by all, what changes together on one cache line.
struct control {
    const message_ring::format format;
    const std::uint32_t ends_with_writers; // 1: it does
    std::atomic<std::uint32_t> closed{0};
    std::atomic<std::uint32_t> had_writers{0};      // behind the gate, as is what closes it for want of them
    alignas(64) std::atomic<std::uint64_t> done{0}; // how many of the values put are done with
    occasion put{};                                 // something to get
    occasion got{};                                 // room to put
    occasion all_done{};
    alignas(64) detail::gate gate{};
    std::array<message_ring::counts, most_priorities> counts{}; // behind the gate
    alignas(64) arena_table arena{};
};

/// Writers have a shared lock on this byte of the queue's file, each by a descriptor that is for nothing
/// else: the kernel gives the lock back when nobody has that any more, in any process or on the way to one.
/// The numbers of the arena's users, who have locks as well, are larger.
constexpr std::uint32_t byte_of_writers = 0;
static_assert(byte_of_writers < arena_table::first_user);

/// What a message consists of:
///
///     | inside   | the value ...
///     | in_arena | first unit | size |    of the value in the arena
///     | number   | -          | -    |    the value is in shared memory named by the queue and the number
struct large_value {
    std::uint64_t number; // or `in_arena`
    arena::place place;
};
constexpr std::uint64_t inside = 0;
constexpr std::uint64_t in_arena = 1;
static_assert(sizeof inside == message_header_size && sizeof(large_value) == message_size_for(0));

bool holds_its_value(std::span<const std::byte> message) {
    return message.size() >= sizeof inside && std::memcmp(message.data(), &inside, sizeof inside) == 0;
}

/// What a message tells of a value beside it. Empty when it holds its value, or is none that a queue sends.
std::optional<large_value> large_value_in(std::span<const std::byte> message) {
    large_value value{};
    if (holds_its_value(message) || message.size() != sizeof value) {
        return std::nullopt;
    }
    std::memcpy(&value, message.data(), sizeof value);
    return value;
}

message_ring::format format_for(const queue_options& options) {
    if (options.capacity == 0) {
        throw std::invalid_argument("multiprocessing::queue: a capacity of at least 1 is needed");
    }
    if (options.priorities == 0 || options.priorities > most_priorities) {
        throw std::invalid_argument("multiprocessing::queue: there can be 1 to " +
                                    std::to_string(most_priorities) + " priorities, not " +
                                    std::to_string(options.priorities));
    }
    return {options.capacity, message_size_for(options.message_size), options.priorities};
}

named_memory make_memory(const std::string& name, const queue_options& options) {
    const auto format = format_for(options);
    const auto slots = message_ring::memory_for(format);
    if (slots > std::numeric_limits<std::size_t>::max() - sizeof(control)) {
        os::throw_refused(ENOMEM, "cannot make a queue of " + std::to_string(format.capacity) +
                                      " values of up to " + std::to_string(format.slot_size) + " bytes");
    }
    auto memory = named_memory::create(name, sizeof(control) + slots);
    ::new (memory.data()) control{.format = format, .ends_with_writers = options.end_with_writers};
    return memory;
}

control& control_in(const named_memory& memory) {
    return *std::launder(reinterpret_cast<control*>(memory.data()));
}

/// Throws `decode_failed` when it is not that of a queue.
message_ring::format format_in(const named_memory& memory) {
    if (memory.size() >= sizeof(control)) {
        const auto format = control_in(memory).format;
        if (format.capacity != 0 && format.slot_size >= message_size_for(0) && format.priorities != 0 &&
            format.priorities <= most_priorities &&
            message_ring::memory_for(format) <= memory.size() - sizeof(control)) {
            return format;
        }
    }
    throw decode_failed("a queue is announced that is something else");
}

[[noreturn]] void throw_no_such(priority urgency, std::size_t priorities) {
    throw std::invalid_argument("multiprocessing::queue: the priorities of this one are 0 to " +
                                std::to_string(priorities - 1) + ", and " + std::to_string(urgency.level) +
                                " is none of them");
}

class shared_queue final : public queue_core {
public:
    explicit shared_queue(const queue_options& options)
        : own_name_("-queue"), name_(own_name_.text()), memory_(make_memory(name_, options)) {}

    explicit shared_queue(const std::string& name) : name_(name), memory_(named_memory::open(name)) {}

    ~shared_queue() override {
        if (!user_.is_this_process() || user_.has_copies()) {
            return; // the lock is also that of a copy of this process that somebody has forked
        }
        if (os::was_last_user(memory_.descriptor())) { // what is beside the queue is nobody's now
            remove_names_beginning_with(beside_);
        }
    }

    bool put(const value_bytes& value, priority urgency, const wait_limit& limit) override {
        if (ends_with_writers_) {
            throw std::logic_error("multiprocessing::queue: this one ends with its writers, and would not "
                                   "know of who puts: do that through its writer()");
        }
        return put_as_writer(value, urgency, limit);
    }
    /// The same, by somebody whom the queue knows of if it has to.
    bool put_as_writer(const value_bytes& value, priority urgency, const wait_limit& limit) {
        if (urgency.level < 0 || static_cast<std::size_t>(urgency.level) >= ring_.priorities()) {
            throw_no_such(urgency, ring_.priorities());
        }
        const auto size = message_header_size + value.size();
        if (size > ring_.slot_size()) {
            return put_beside(value, urgency, limit);
        }
        return put_message(urgency, limit, size, [&](std::span<std::byte> message) {
            std::memcpy(message.data(), &inside, message_header_size);
            value.copy_to(message.data() + message_header_size);
        });
    }

    /// A descriptor that makes whoever has it a writer.
    os::descriptor become_writer() {
        if (!ends_with_writers_) {
            throw std::logic_error("multiprocessing::queue::writer: only a queue that is made with "
                                   "end_with_writers has any");
        }
        auto announcement = os::open_for_reading(memory_.descriptor());
        (void)in_turn([&] {
            if (is_closed()) {
                throw queue_closed("the queue is closed, or has ended with its last writer: there can be no "
                                   "further one");
            }
            os::announce_use(announcement.get(), byte_of_writers);
            shared_.had_writers.store(1);
            return true;
        });
        return announcement;
    }
    /// To be said after the descriptor was closed.
    void writer_has_gone() noexcept { shared_.put.announce_to_all(); }

    std::optional<payload> get(std::span<std::byte> room, const wait_limit& limit) override {
        if (auto value = get_owed()) {
            return value;
        }
        std::shared_ptr<std::byte[]> owner;
        if (room.size() < ring_.slot_size()) {
            owner = std::make_unique_for_overwrite<std::byte[]>(ring_.slot_size());
            room = {owner.get(), ring_.slot_size()};
        }
        std::span<std::byte> message;
        std::optional<large_value> beside;
        const auto receive = [&] {
            const bool received = ring_.try_get([&](std::span<const std::byte> sent) {
                message = room.first(sent.size());
                std::ranges::copy(sent, message.begin());
            });
            if (received && (beside = large_value_in(message)) && beside->number == in_arena) {
                arena_.receive(beside->place);
            }
            return received;
        };
        const auto attempt = [&] {
            const bool closed = is_closed(); // asked first: what was put before is still got
            const bool received = size() != 0 && in_turn(receive);
            if (!received && (closed || (ends_with_writers_ && close_without_writers()))) {
                throw queue_closed("the queue is closed, and nothing is left in it");
            }
            return received;
        };
        const bool received = wait_until_done(shared_.put, limit, attempt, [&] { return ring_.size() != 0; });
        if (!received) {
            return std::nullopt;
        }
        shared_.got.announce();
        if (beside) {
            return open(*beside);
        }
        if (!holds_its_value(message)) {
            throw decode_failed("a message in the queue has a wrong size");
        }
        return payload{std::move(owner), message.subspan(message_header_size)};
    }

    [[nodiscard]] std::size_t size() const override {
        shared_.gate.check();
        return ring_.size();
    }
    [[nodiscard]] std::size_t capacity() const noexcept override { return ring_.capacity(); }
    void close() override {
        shared_.closed.store(1);
        shared_.put.announce_to_all();
        shared_.got.announce_to_all();
    }

    void task_done() override {
        auto done = shared_.done.load();
        do {
            if (done >= ring_.put_so_far()) {
                throw std::logic_error("multiprocessing::joinable_queue: task_done has been called more "
                                       "often than values were put");
            }
        } while (!shared_.done.compare_exchange_weak(done, done + 1));
        if (done + 1 == ring_.put_so_far()) {
            shared_.all_done.announce_to_all_who_sleep();
        }
    }
    bool join(const wait_limit& limit) override {
        const auto attempt = [&] {
            shared_.gate.check();
            const auto done = shared_.done.load(); // first: both only ever grow
            return done == ring_.put_so_far();
        };
        return wait_until_done(shared_.all_done, limit, attempt, [] { return false; });
    }

    [[nodiscard]] const std::string& name() const noexcept override { return name_; }

private:
    [[nodiscard]] bool is_closed() const { return shared_.closed.load() != 0; }
    [[nodiscard]] bool has_writers() const noexcept {
        return os::is_used_by(memory_.descriptor(), byte_of_writers);
    }
    /// Closes the queue if it is empty and its last writer has gone; whether it has done so. Behind the gate,
    /// where nobody puts anything, or becomes a writer, meanwhile. Inlined it would slow down those who find
    /// a value.
    [[gnu::noinline]] bool close_without_writers() {
        if (shared_.had_writers.load() == 0 || has_writers()) {
            return false;
        }
        return in_turn([&] {
            const bool ended = !has_writers() && ring_.size() == 0;
            if (ended) {
                close();
            }
            return ended;
        });
    }

    [[nodiscard]] std::string beside_name(std::uint64_t number) const {
        std::ostringstream name;
        name << beside_ << '-' << std::hex << number;
        return name.str();
    }

    /// Runs an operation inside the gate.
    template <class Operation>
    bool in_turn(const Operation& operation) {
        const bool one_died = shared_.gate.lock();
        const std::lock_guard turn(shared_.gate, std::adopt_lock);
        if (one_died) {
            repair();
        }
        return operation();
    }

    /// The ring needs none. What was on its way into the arena or out of it may be nobody's.
    void repair() {
        arena::unit_set told_of;
        ring_.for_each([&](std::span<const std::byte> message) {
            const auto value = large_value_in(message);
            if (value && value->number == in_arena) {
                arena_.add(value->place, told_of);
            }
        });
        arena_.keep_under_way(told_of);
    }

    /// Has `write` write a message as soon as there is room.
    template <class Write>
    bool put_message(priority urgency, const wait_limit& limit, std::size_t length, const Write& write) {
        const auto level = static_cast<std::size_t>(urgency.level);
        const auto attempt = [&] {
            if (is_closed()) {
                throw queue_closed("the queue is closed: nothing can be put any more");
            }
            return size() != capacity() && in_turn([&] { return ring_.try_put(length, write, level); });
        };
        if (!wait_until_done(shared_.got, limit, attempt, [&] { return ring_.size() != capacity(); })) {
            return false;
        }
        shared_.put.announce();
        return true;
    }

    bool put_beside(const value_bytes& value, priority urgency, const wait_limit& limit) {
        large_value message{in_arena, {}};
        const auto copy = [&](std::span<std::byte> to) {
            std::ranges::copy(std::as_bytes(std::span(&message, 1)), to.begin());
        };
        if (const auto place = arena_.store(value)) {
            message.place = *place;
            const auto send = [&](std::span<std::byte> to) {
                arena_.send(*place); // before somebody can receive it
                copy(to);
            };
            return put_or_drop(urgency, limit, send, [&] { arena_.release(*place); });
        }
        message.number = std::max(in_arena + 1, os::random_number());
        const auto name = beside_name(message.number);
        value.copy_to(make_beside(name, value.size()).data());
        return put_or_drop(urgency, limit, copy, [&] { named_memory::remove(name); });
    }

    /// Shared memory of its own. What is kept in the arena goes when it is in the way.
    named_memory make_beside(const std::string& name, std::size_t size) {
        try {
            return named_memory::create(name, size);
        } catch (const resource_error&) {
            arena_.trim();
            return named_memory::create(name, size);
        }
    }

    /// Puts a message that tells of a large value. What lies beside one that was not put goes.
    template <class Write, class Drop>
    bool put_or_drop(priority urgency, const wait_limit& limit, const Write& write, const Drop& drop) {
        bool is_put = false;
        try {
            is_put = put_message(urgency, limit, sizeof(large_value), write);
        } catch (...) {
            drop();
            throw;
        }
        if (!is_put) {
            drop();
        }
        return is_put;
    }

    /// A value that lies beside the messages. One that cannot be opened now is owed.
    payload open(const large_value& value) {
        try {
            if (value.number == in_arena) {
                return arena_.open(value.place);
            }
            auto beside = std::make_shared<named_memory>(named_memory::open(beside_name(value.number)));
            named_memory::remove(beside_name(value.number));
            const std::span<const std::byte> bytes(beside->data(), beside->size());
            return {std::move(beside), bytes};
        } catch (const resource_error& e) {
            if (e.code() != std::errc::no_such_file_or_directory) {
                const std::lock_guard lock(owed_mutex_);
                owed_.push_back(value);
                owes_.store(true);
            }
            throw;
        }
    }

    /// A value that was received when there was no descriptor or memory for it.
    std::optional<payload> get_owed() {
        if (!owes_.load()) {
            return std::nullopt;
        }
        std::unique_lock lock(owed_mutex_);
        if (owed_.empty()) {
            return std::nullopt;
        }
        const auto value = owed_.front();
        owed_.pop_front();
        owes_.store(!owed_.empty());
        lock.unlock();
        return open(value);
    }

    const os::maker user_;
    const own_name own_name_; // of the handle that made the queue: the name goes with it
    const std::string name_;
    named_memory memory_;
    const message_ring::format format_ = format_in(memory_); // a copy: others can write there
    control& shared_ = control_in(memory_);
    const bool ends_with_writers_ = shared_.ends_with_writers != 0;
    message_ring ring_{shared_.counts, memory_.data() + sizeof(control), format_};
    // What the names of values beside the queue begin with.
    const std::string beside_ = name_of_users(name_, os::file_number(memory_.descriptor()));
    arena arena_{memory_.descriptor(), sizeof(control) + message_ring::memory_for(format_), shared_.arena};
    std::atomic<bool> owes_{false};
    std::mutex owed_mutex_; // guards what follows
    std::deque<large_value> owed_;
};

/// A writer: it is one by the descriptor.
class shared_queue_input final : public queue_input {
public:
    shared_queue_input(std::shared_ptr<shared_queue> queue, os::descriptor announcement)
        : queue_(std::move(queue)), announcement_(std::in_place, std::move(announcement)) {}
    ~shared_queue_input() override {
        announcement_.reset();
        queue_->writer_has_gone();
    }
    shared_queue_input(const shared_queue_input&) = delete;
    shared_queue_input& operator=(const shared_queue_input&) = delete;

    bool put(const value_bytes& value, priority urgency, const wait_limit& limit) override {
        return queue_->put_as_writer(value, urgency, limit);
    }
    void put_to(encoder& out) const override {
        out.put(queue_->name());
        out.keep_alive(queue_);
        put_descriptor(out, announcement_->get());
    }

private:
    const std::shared_ptr<shared_queue> queue_;
    std::optional<os::unshared_descriptor> announcement_; // until it is destroyed
};

} // namespace

std::shared_ptr<queue_core> make_queue(const queue_options& options) {
    return std::make_shared<shared_queue>(options);
}

std::shared_ptr<queue_core> open_queue(const std::string& name) {
    return std::make_shared<shared_queue>(name);
}

std::shared_ptr<queue_input> make_queue_input(const std::shared_ptr<queue_core>& queue) {
    auto shared = std::static_pointer_cast<shared_queue>(queue);
    auto announcement = shared->become_writer();
    return std::make_shared<shared_queue_input>(std::move(shared), std::move(announcement));
}

std::shared_ptr<queue_input> get_queue_input(decoder& in) {
    const auto name = in.get<std::string>();
    os::descriptor announcement(get_descriptor(in));
    return std::make_shared<shared_queue_input>(std::make_shared<shared_queue>(name),
                                                std::move(announcement));
}

} // namespace multiprocessing::detail
