// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "wire/message_queue.hpp"

#include "os/memory.hpp"
#include "wire/frame.hpp"

#include <boost/interprocess/ipc/message_queue.hpp>
#include <boost/interprocess/mapped_region.hpp>
#include <boost/interprocess/shared_memory_object.hpp>
#include <type_traits>

namespace multiprocessing::detail {
namespace {

namespace ipc = boost::interprocess;

#ifndef BOOST_INTERPROCESS_POSIX_FALLOCATE
#    error "this Boost only reserves shared memory: when there is none left, touching it would be SIGBUS"
#endif

/// All messages have the same one: first in, first out.
constexpr unsigned priority = 0;

/// Before Boost opens it, which would believe what it finds there.
ipc::shared_memory_object open_own(const std::string& name) {
    ipc::shared_memory_object object(ipc::open_only, name.c_str(), ipc::read_only);
    os::check_owner(object.get_mapping_handle().handle);
    return object;
}

/// Runs an operation on a queue whose mutex may have died with its owner.
template <class Operation>
auto guarded(const Operation& operation) {
    try {
        return operation();
    } catch (const ipc::interprocess_exception&) { // lock_exception: the owner died
        throw channel_broken("a process died inside an operation on a message queue");
    }
}

} // namespace

struct message_queue::implementation {
    ipc::mapped_region region; // the same memory once more, for what the interface does not reach
    ipc::message_queue queue;

    explicit implementation(const std::string& name)
        : region(open_own(name), ipc::read_only), queue(ipc::open_only, name.c_str()) {}
};

message_queue message_queue::create(const std::string& name, std::size_t slots, std::size_t slot_size) {
    try {
        const ipc::message_queue creator(ipc::create_only, name.c_str(), slots, slot_size,
                                         ipc::permissions(0600));
        return message_queue(std::make_unique<implementation>(name));
    } catch (const ipc::interprocess_exception& e) {
        if (e.get_error_code() != ipc::already_exists_error) { // else it is somebody else's
            remove(name);
        }
        os::throw_refused(e.get_native_error(), "cannot create a message queue of " +
                                                    std::to_string(slots * slot_size) +
                                                    " bytes in shared memory (is there room in /dev/shm?)");
    }
}

message_queue message_queue::open(const std::string& name) {
    try {
        return message_queue(std::make_unique<implementation>(name));
    } catch (const ipc::interprocess_exception& e) {
        os::throw_refused(e.get_native_error(), "cannot open the message queue " + name +
                                                    " (does the process that made it still run?)");
    }
}

void message_queue::remove(const std::string& name) noexcept {
    ipc::message_queue::remove(name.c_str());
}

message_queue::message_queue(std::unique_ptr<implementation> queue) : queue_(std::move(queue)) {}
message_queue::message_queue(message_queue&&) noexcept = default;
message_queue& message_queue::operator=(message_queue&&) noexcept = default;
message_queue::~message_queue() = default;

bool message_queue::try_send(std::span<const std::byte> message) {
    return guarded([&] { return queue_->queue.try_send(message.data(), message.size(), priority); });
}

std::optional<std::size_t> message_queue::try_receive(std::span<std::byte> buffer) {
    return guarded([&]() -> std::optional<std::size_t> {
        ipc::message_queue::size_type size = 0;
        unsigned received_priority = 0;
        if (!queue_->queue.try_receive(buffer.data(), buffer.size(), size, received_priority)) {
            return std::nullopt;
        }
        return size;
    });
}

std::size_t message_queue::size() const {
    return guarded([&] { return queue_->queue.get_num_msg(); });
}

std::size_t message_queue::slots() const {
    return queue_->queue.get_max_msg();
}

std::size_t message_queue::slot_size() const {
    return queue_->queue.get_max_msg_size();
}

std::vector<std::span<const std::byte>> message_queue::all_slots() const {
    // Boost keeps an index of pointers to the slots in front of them. Sending and receiving reorder the
    // index, in such a way that at every instant it leads to every slot that holds a message which is not
    // being sent.
    using header = ipc::ipcdetail::mq_hdr_t<ipc::offset_ptr<void>>;
    using memory = ipc::ipcdetail::managed_open_or_create_impl<ipc::shared_memory_object, 0, true, false>;
    static_assert(std::is_same_v<ipc::message_queue, ipc::message_queue_t<ipc::offset_ptr<void>>>,
                  "this Boost lays message queues out in another way than the one known here");

    auto* begin = static_cast<std::byte*>(queue_->region.get_address());
    auto* end = begin + queue_->region.get_size();
    const auto* queue = reinterpret_cast<const header*>(begin + memory::ManagedOpenOrCreateUserOffset);
    const auto contains = [&](const void* first, std::size_t size) {
        const auto* at = static_cast<const std::byte*>(first);
        return at >= begin && at <= end && static_cast<std::size_t>(end - at) >= size;
    };

    std::vector<std::span<const std::byte>> messages;
    const auto* index = queue->mp_index.get();
    const std::size_t count = slots();
    const std::size_t largest = slot_size();
    if (!contains(index, count * sizeof *index)) {
        return messages;
    }
    for (std::size_t i = 0; i != count; ++i) {
        auto* slot = index[i].get();
        if (contains(slot, sizeof *slot + largest) && slot->len <= largest) {
            messages.emplace_back(static_cast<const std::byte*>(slot->data()), slot->len);
        }
    }
    return messages;
}

} // namespace multiprocessing::detail
