// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// queue: a message_queue, of which only the `try_` operations are used, and a control block to wait on.
#include "ipc/gate.hpp"
#include "ipc/names.hpp"
#include "os/copy.hpp"
#include "os/memory.hpp"
#include "os/process.hpp"
#include "wire/frame.hpp"
#include "wire/message_queue.hpp"

#include <multiprocessing/queue.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/interprocess/mapped_region.hpp>
#include <boost/interprocess/shared_memory_object.hpp>
#include <cstring>
#include <deque>
#include <mutex>
#include <new>
#include <sstream>
#include <stdexcept>

namespace multiprocessing::detail {
namespace {

namespace ipc = boost::interprocess;

/// How long a waiter may sleep although what it waits for has happened, if the process that made it happen
/// died before it could wake anybody.
constexpr std::chrono::milliseconds longest_oversleep{50};

/// A reason to wake up: counts how often it has occurred. In shared memory, written by all.
struct alignas(64) occasion {
    std::atomic<std::uint32_t> count;
    std::atomic<std::uint32_t>
        waiters; // too high for ever when a waiter is killed: then wakes are for nothing

    void announce() noexcept {
        count.fetch_add(1);
        if (waiters.load() != 0) {
            os::wake_one(count);
        }
    }
    void announce_to_all() noexcept {
        count.fetch_add(1);
        os::wake_all(count);
    }
};

/// Beside the message_queue, in shared memory of its own:
///
///     | put: something to get | got: room to put | closed | gate |
struct control {
    occasion put;
    occasion got;
    alignas(64) std::atomic<std::uint32_t> closed;
    alignas(64) detail::gate gate;
};

/// What stands at the beginning of every message:
///
///     | 0      | the value ...
///     | number |              the value is in shared memory named by the queue and the number
struct message_header {
    std::uint64_t beside;
};

/// Named shared memory, created or opened, mapped.
class named_memory {
public:
    static named_memory create(const std::string& name, std::size_t size) {
        try {
            ipc::shared_memory_object object(ipc::create_only, name.c_str(), ipc::read_write,
                                             ipc::permissions(0600));
            object.truncate(static_cast<ipc::offset_t>(size));
            return named_memory(std::move(object));
        } catch (const ipc::interprocess_exception& e) {
            if (e.get_error_code() != ipc::already_exists_error) { // else it is somebody else's
                remove(name);
            }
            os::throw_refused(e.get_native_error(),
                              "cannot get " + std::to_string(size) +
                                  " bytes of shared memory (is there room in /dev/shm?)");
        }
    }
    static named_memory open(const std::string& name) {
        try {
            ipc::shared_memory_object object(ipc::open_only, name.c_str(), ipc::read_write);
            os::check_owner(object.get_mapping_handle().handle);
            return named_memory(std::move(object));
        } catch (const ipc::interprocess_exception& e) {
            os::throw_refused(e.get_native_error(), "cannot open shared memory " + name +
                                                        " (does the process that made it still run?)");
        }
    }
    static void remove(const std::string& name) noexcept { ipc::shared_memory_object::remove(name.c_str()); }

    [[nodiscard]] std::byte* data() const { return static_cast<std::byte*>(region_.get_address()); }
    [[nodiscard]] std::size_t size() const { return region_.get_size(); }
    [[nodiscard]] int descriptor() const { return object_.get_mapping_handle().handle; }

private:
    explicit named_memory(ipc::shared_memory_object&& object)
        : object_(std::move(object)), region_(object_, ipc::read_write) {}
    ipc::shared_memory_object object_;
    ipc::mapped_region region_;
};

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
                                          sizeof(message_header) + options.message_size)),
          beside_(name_of_users(messages_name(), os::file_number(control_.descriptor()))) {
        ::new (control_.data()) control{};
        os::announce_use(control_.descriptor());
    }
    explicit shared_queue(const std::string& name)
        : name_(name),
          control_(named_memory::open(control_name())),
          messages_(message_queue::open(messages_name())),
          beside_(name_of_users(messages_name(), os::file_number(control_.descriptor()))) {
        os::announce_use(control_.descriptor());
    }

    ~shared_queue() override {
        if (!user_.is_this_process()) {
            return; // in a copy of this process that somebody has forked: the lock is the original's
        }
        if (os::was_last_user(control_.descriptor())) { // what is beside the queue is nobody's now
            remove_names_beginning_with(beside_);
        }
    }

    bool put(std::span<const std::byte> value, steady_time deadline) override {
        if (sizeof(message_header) + value.size() <= messages_.slot_size()) {
            return put_message({0}, value, deadline);
        }
        const auto number = std::max<std::uint64_t>(1, os::random_number());
        std::memcpy(named_memory::create(beside_name(number), value.size()).data(), value.data(),
                    value.size());
        bool is_put = false;
        try {
            is_put = put_message({number}, {}, deadline);
        } catch (...) {
            named_memory::remove(beside_name(number));
            throw;
        }
        if (!is_put) {
            named_memory::remove(beside_name(number));
        }
        return is_put;
    }

    std::optional<payload> get(steady_time deadline) override {
        if (auto value = get_owed()) {
            return value;
        }
        bytes message(messages_.slot_size());
        std::optional<std::size_t> size;
        const bool in_time = wait_until_done(shared().put, deadline, [&] {
            const bool closed = is_closed(); // asked first: what was put before is still got
            const std::lock_guard inside(shared().gate);
            size = messages_.try_receive(message);
            if (!size && closed) {
                throw queue_closed("the queue is closed, and nothing is left in it");
            }
            return size.has_value();
        });
        if (!in_time) {
            return std::nullopt;
        }
        shared().got.announce();
        message.resize(*size);
        return value_in(std::move(message));
    }

    [[nodiscard]] std::size_t size() const override {
        return guarded([&] {
            const std::lock_guard inside(shared().gate);
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

    /// Tries again on every occasion until it is done; false when the deadline came first.
    template <class Attempt>
    static bool wait_until_done(occasion& next, steady_time deadline, const Attempt& attempt) {
        return guarded([&] {
            for (;;) {
                if (attempt()) {
                    return true;
                }
                const auto now = std::chrono::steady_clock::now();
                if (deadline <= now) {
                    return false;
                }
                const auto seen = next.count.load();
                next.waiters.fetch_add(1);
                const bool done = attempt_as_waiter(next, attempt);
                if (!done) {
                    os::wait_on(next.count, seen, std::min(deadline, now + longest_oversleep));
                }
                next.waiters.fetch_sub(1);
                if (done) {
                    return true;
                }
            }
        });
    }

    /// Between noting the count and sleeping: what happened since would otherwise be missed.
    template <class Attempt>
    static bool attempt_as_waiter(occasion& next, const Attempt& attempt) {
        try {
            return attempt();
        } catch (...) {
            next.waiters.fetch_sub(1);
            throw;
        }
    }

    bool put_message(const message_header& header, std::span<const std::byte> content, steady_time deadline) {
        std::array<std::byte, sizeof(message_header) + default_message_size> small;
        bytes large; // allocating costs as much as the rest
        std::span<std::byte> message(small);
        if (content.size() > default_message_size) {
            large.resize(sizeof header + content.size());
            message = large;
        }
        message = message.first(sizeof header + content.size());
        std::memcpy(message.data(), &header, sizeof header);
        if (!content.empty()) {
            std::memcpy(message.data() + sizeof header, content.data(), content.size());
        }
        const bool in_time = wait_until_done(shared().got, deadline, [&] {
            if (is_closed()) {
                throw queue_closed("the queue is closed: nothing can be put any more");
            }
            const std::lock_guard inside(shared().gate);
            return messages_.try_send(message);
        });
        if (in_time) {
            shared().put.announce();
        }
        return in_time;
    }

    payload value_in(bytes message) {
        message_header header;
        if (message.size() < sizeof header) {
            throw decode_failed("a message in the queue is too short");
        }
        std::memcpy(&header, message.data(), sizeof header);
        if (header.beside == 0) {
            auto owner = std::make_shared<bytes>(std::move(message));
            const auto value = std::span<const std::byte>(*owner).subspan(sizeof header);
            return {std::move(owner), value};
        }
        return value_beside(header.beside);
    }

    /// Opens a value that lies beside the queue. One that cannot be opened now is owed.
    payload value_beside(std::uint64_t number) {
        try {
            auto beside = std::make_shared<named_memory>(named_memory::open(beside_name(number)));
            named_memory::remove(beside_name(number));
            const std::span<const std::byte> value(beside->data(), beside->size());
            return {std::move(beside), value};
        } catch (const resource_error& e) {
            if (e.code() != std::errc::no_such_file_or_directory) {
                const std::lock_guard lock(owed_mutex_);
                owed_.push_back(number);
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
        const auto number = owed_.front();
        owed_.pop_front();
        owes_.store(!owed_.empty());
        lock.unlock();
        return value_beside(number);
    }

    const os::maker user_;
    const own_name own_messages_name_; // of the handle that made the queue: the names go with it
    const own_name own_control_name_;
    const std::string name_;
    named_memory control_;
    message_queue messages_;
    const std::string beside_; // what the names of values beside the queue begin with
    std::atomic<bool> owes_{false};
    std::mutex owed_mutex_; // guards what follows
    std::deque<std::uint64_t> owed_;
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
