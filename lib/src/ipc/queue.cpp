// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// queue: a message_queue, of which only the `try_` operations are used, and a control block to wait on.
#include "ipc/arena.hpp"
#include "ipc/gate.hpp"
#include "ipc/named_memory.hpp"
#include "ipc/names.hpp"
#include "ipc/occasion.hpp"
#include "os/copy.hpp"
#include "os/process.hpp"
#include "wire/frame.hpp"
#include "wire/message_queue.hpp"

#include <multiprocessing/queue.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <deque>
#include <memory>
#include <mutex>
#include <new>
#include <sstream>
#include <stdexcept>

namespace multiprocessing::detail {
namespace {

/// Beside the message_queue, in shared memory of its own:
///
///     | put: something to get | got: room to put | closed | gate | table of the arena | arena ...
struct control {
    occasion put;
    occasion got;
    alignas(64) std::atomic<std::uint32_t> closed;
    alignas(64) detail::gate gate;
    alignas(64) arena_table arena;
};

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

/// What a message tells of a value beside it. Throws `decode_failed` when it is none that a queue sends.
std::optional<large_value> large_value_in(std::span<const std::byte> message) {
    large_value value{};
    if (message.size() >= message_header_size) {
        std::memcpy(&value.number, message.data(), message_header_size);
        if (value.number == inside) {
            return std::nullopt;
        }
        if (message.size() == sizeof value) {
            std::memcpy(&value, message.data(), sizeof value);
            return value;
        }
    }
    throw decode_failed("a message in the queue has a wrong size");
}

/// Runs an operation on the message_queue, whose mutex may have died with its owner.
template <class Operation>
auto guarded(const Operation& operation) {
    try {
        return operation();
    } catch (const channel_broken&) {
        throw queue_broken("the queue is broken: a process died inside an operation on it");
    }
}

/// A queue travels as the names of its messages and of its control block.
constexpr char separator = '/'; // no name has one

class shared_queue final : public queue_core {
public:
    explicit shared_queue(const queue_options& options)
        : own_messages_name_("-messages"),
          own_control_name_("-control"),
          name_(own_messages_name_.text() + separator + own_control_name_.text()),
          control_(named_memory::create(control_name(), sizeof(control))),
          messages_(message_queue::create(messages_name(), options.capacity,
                                          message_size_for(options.message_size))),
          beside_(name_of_users(messages_name(), os::file_number(control_.descriptor()))),
          arena_(control_.descriptor(), sizeof(control), (::new (control_.data()) control{})->arena) {}

    explicit shared_queue(const std::string& name)
        : name_(name),
          control_(named_memory::open(control_name())),
          messages_(message_queue::open(messages_name())),
          beside_(name_of_users(messages_name(), os::file_number(control_.descriptor()))),
          arena_(control_.descriptor(), sizeof(control), shared().arena) {}

    ~shared_queue() override {
        if (!user_.is_this_process()) {
            return; // in a copy of this process that somebody has forked: the lock is the original's
        }
        if (os::was_last_user(control_.descriptor())) { // what is beside the queue is nobody's now
            remove_names_beginning_with(beside_);
        }
    }

    bool put(const value_bytes& value, steady_time deadline) override {
        const auto size = message_header_size + value.size();
        if (size > messages_.slot_size()) {
            return put_beside(value, deadline);
        }
        std::array<std::byte, message_size_for(default_message_size)> small;
        std::unique_ptr<std::byte[]> large; // allocating costs as much as the rest
        if (size > small.size()) {
            large = std::make_unique_for_overwrite<std::byte[]>(size);
        }
        const std::span message(large ? large.get() : small.data(), size);
        std::memcpy(message.data(), &inside, message_header_size);
        value.copy_to(message.data() + message_header_size);
        return put_message(deadline, [&] { return messages_.try_send(message); });
    }

    std::optional<payload> get(std::span<std::byte> room, steady_time deadline) override {
        if (auto value = get_owed()) {
            return value;
        }
        std::shared_ptr<std::byte[]> owner;
        if (room.size() < messages_.slot_size()) {
            owner = std::make_unique_for_overwrite<std::byte[]>(messages_.slot_size());
            room = {owner.get(), messages_.slot_size()};
        }
        std::optional<std::size_t> size;
        std::optional<large_value> beside;
        const auto try_receive = [&] {
            const bool closed = is_closed(); // asked first: what was put before is still got
            const std::lock_guard turn(shared().gate);
            size = messages_.try_receive(room);
            if (!size && closed) {
                throw queue_closed("the queue is closed, and nothing is left in it");
            }
            if (size && (beside = large_value_in(room.first(*size))) && beside->number == in_arena) {
                arena_.receive(beside->place);
            }
            return size.has_value();
        };
        const auto received = guarded([&] {
            return wait_until_done(shared().put, deadline, try_receive, [&] { return size_is_not(0); });
        });
        if (!received) {
            return std::nullopt;
        }
        shared().got.announce();
        if (beside) {
            return open(*beside);
        }
        return payload{std::move(owner), room.first(*size).subspan(message_header_size)};
    }

    [[nodiscard]] std::size_t size() const override {
        return guarded([&] {
            const std::lock_guard turn(shared().gate);
            return messages_.size();
        });
    }
    [[nodiscard]] std::size_t capacity() const noexcept override { return messages_.slots(); }
    void close() override {
        shared().closed.store(1);
        shared().put.announce_to_all();
        shared().got.announce_to_all();
    }
    [[nodiscard]] const std::string& name() const noexcept override { return name_; }

private:
    [[nodiscard]] control& shared() const {
        return *std::launder(reinterpret_cast<control*>(control_.data()));
    }
    [[nodiscard]] bool is_closed() const { return shared().closed.load() != 0; }

    [[nodiscard]] std::string messages_name() const { return name_.substr(0, name_.find(separator)); }
    [[nodiscard]] std::string control_name() const { return name_.substr(name_.find(separator) + 1); }
    [[nodiscard]] std::string beside_name(std::uint64_t number) const {
        std::ostringstream name;
        name << beside_ << '-' << std::hex << number;
        return name.str();
    }

    /// Asked by who has slept and is done. That the queue is broken is for who is woken to find out.
    [[nodiscard]] bool size_is_not(std::size_t limit) const {
        try {
            return size() != limit;
        } catch (const queue_broken&) {
            return true;
        }
    }

    /// Has `try_send` send a message as soon as there is room.
    template <class TrySend>
    bool put_message(steady_time deadline, const TrySend& try_send) {
        const auto attempt = [&] {
            if (is_closed()) {
                throw queue_closed("the queue is closed: nothing can be put any more");
            }
            const std::lock_guard turn(shared().gate);
            return try_send();
        };
        const auto sent = guarded([&] {
            return wait_until_done(shared().got, deadline, attempt, [&] { return size_is_not(capacity()); });
        });
        if (!sent) {
            return false;
        }
        shared().put.announce();
        return true;
    }

    bool put_beside(const value_bytes& value, steady_time deadline) {
        if (const auto place = arena_.store(value)) {
            const large_value message{in_arena, *place};
            const auto try_send = [&] {
                if (messages_.size() == messages_.slots()) {
                    return false;
                }
                arena_.send(*place); // before somebody can receive it
                return messages_.try_send(std::as_bytes(std::span(&message, 1)));
            };
            return put_or_drop(deadline, try_send, [&] { arena_.release(*place); });
        }
        const large_value message{std::max(in_arena + 1, os::random_number()), {}};
        const auto name = beside_name(message.number);
        value.copy_to(make_beside(name, value.size()).data());
        return put_or_drop(
            deadline, [&] { return messages_.try_send(std::as_bytes(std::span(&message, 1))); },
            [&] { named_memory::remove(name); });
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

    /// Puts a message. What lies beside one that was not put goes.
    template <class TrySend, class Drop>
    bool put_or_drop(steady_time deadline, const TrySend& try_send, const Drop& drop) {
        bool is_put = false;
        try {
            is_put = put_message(deadline, try_send);
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
    const own_name own_messages_name_; // of the handle that made the queue: the names go with it
    const own_name own_control_name_;
    const std::string name_;
    named_memory control_;
    message_queue messages_;
    const std::string beside_; // what the names of values beside the queue begin with
    arena arena_;
    std::atomic<bool> owes_{false};
    std::mutex owed_mutex_; // guards what follows
    std::deque<large_value> owed_;
};

} // namespace

std::shared_ptr<queue_core> make_queue(const queue_options& options) {
    if (options.capacity == 0) {
        throw std::invalid_argument("multiprocessing::queue: a capacity of at least 1 is needed");
    }
    return std::make_shared<shared_queue>(options);
}

std::shared_ptr<queue_core> open_queue(const std::string& name) {
    return std::make_shared<shared_queue>(name);
}

} // namespace multiprocessing::detail
