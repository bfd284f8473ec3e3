// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "wire/message_queue.hpp"

#include "os/memory.hpp"
#include "wire/frame.hpp"

#include <array>
#include <boost/interprocess/ipc/message_queue.hpp>
#include <boost/interprocess/mapped_region.hpp>
#include <boost/interprocess/shared_memory_object.hpp>
#include <cstring>
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

/// As Boost lays a queue out in shared memory:
///
///     | header: limits, counters, mutex | index: pointers to the slots | slots ...
using header = ipc::ipcdetail::mq_hdr_t<ipc::offset_ptr<void>>;
using memory = ipc::ipcdetail::managed_open_or_create_impl<ipc::shared_memory_object, 0, true, false>;
static_assert(std::is_same_v<ipc::message_queue, ipc::message_queue_t<ipc::offset_ptr<void>>>,
              "this Boost lays message queues out in another way than the one known here");

/// The bytes of an object in the queue's memory, to be compared with later ones. By words, as they are
/// written: a wider load would have to wait for what has just been written to reach the cache.
template <class T>
class bytes_of {
public:
    explicit bytes_of(const T& object) { std::memcpy(words_.data(), &object, sizeof object); }
    [[nodiscard]] bool are_those_of(const T& object) const {
        const auto* const bytes = reinterpret_cast<const std::byte*>(&object);
        for (std::size_t i = 0; i != words_.size(); ++i) {
            word now = 0;
            std::memcpy(&now, bytes + i * sizeof now, sizeof now);
            if (now != words_[i]) {
                return false;
            }
        }
        return true;
    }

private:
    using word = std::uint32_t;
    static_assert(sizeof(T) % sizeof(word) == 0);
    std::array<word, sizeof(T) / sizeof(word)> words_;
};

/// What is the same whenever nobody is inside an operation. All messages have one priority: Boost then
/// inserts at the front of a circular index, and the index itself never changes.
struct resting_state {
    using slot = ipc::ipcdetail::msg_hdr_t<ipc::offset_ptr<void>>;
    using pointer = ipc::offset_ptr<slot>;

    explicit resting_state(const header& queue) : index_pointer(queue.mp_index), free_mutex(queue.m_mutex) {
        for (std::size_t i = 0; i != queue.m_max_num_msg; ++i) {
            const auto& place = queue.mp_index[static_cast<std::ptrdiff_t>(i)];
            index.emplace_back(place);
            slots.push_back(place.get());
        }
    }

    /// Whether that place of the index is what it was.
    [[nodiscard]] bool has_place(const header& now, std::size_t place) const {
        return index[place].are_those_of(now.mp_index[static_cast<std::ptrdiff_t>(place)]);
    }

    bytes_of<decltype(header::mp_index)> index_pointer;
    std::vector<bytes_of<pointer>> index{};
    bytes_of<decltype(header::m_mutex)> free_mutex;
    std::vector<slot*> slots{};
};

} // namespace

struct message_queue::implementation {
    ipc::mapped_region region; // the same memory once more, for what the interface does not reach
    ipc::message_queue queue;
    const std::size_t slots = queue.get_max_msg();
    const std::size_t slot_size = queue.get_max_msg_size();
    std::optional<resting_state> resting{}; // known to the one who made it, before others could use it

    explicit implementation(const std::string& name)
        : region(open_own(name), ipc::read_only), queue(ipc::open_only, name.c_str()) {}

    [[nodiscard]] const header& mapped() const {
        const auto* begin = static_cast<const std::byte*>(region.get_address());
        return *reinterpret_cast<const header*>(begin + memory::ManagedOpenOrCreateUserOffset);
    }
};

message_queue message_queue::create(const std::string& name, std::size_t slots, std::size_t slot_size) {
    try {
        const ipc::message_queue creator(ipc::create_only, name.c_str(), slots, slot_size,
                                         ipc::permissions(0600));
        auto made = std::make_unique<implementation>(name);
        (void)made->queue.get_num_msg(); // a mutex that was locked once looks otherwise than a new one
        made->resting.emplace(made->mapped());
        return message_queue(std::move(made));
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

std::size_t message_queue::try_receive(std::span<std::byte> buffer) {
    return guarded([&]() -> std::size_t {
        ipc::message_queue::size_type size = 0;
        unsigned received_priority = 0;
        if (!queue_->queue.try_receive(buffer.data(), buffer.size(), size, received_priority)) {
            return nothing;
        }
        return size;
    });
}

void message_queue::check_untouched() const {
    const auto& now = queue_->mapped();
    const auto& resting = *queue_->resting;
    const auto slots = queue_->slots;
    const std::size_t count = now.m_cur_num_msg; // read once: somebody may still write
    const std::size_t newest = now.m_cur_first_msg;
    const auto after = [&](std::size_t place, std::size_t distance) {
        return place + distance < slots ? place + distance : place + distance - slots;
    };
    const bool untouched =
        resting.free_mutex.are_those_of(now.m_mutex) && resting.index_pointer.are_those_of(now.mp_index) &&
        now.m_max_num_msg == slots && now.m_max_msg_size == queue_->slot_size && count <= slots &&
        newest < slots && now.m_blocked_senders == 0 && now.m_blocked_receivers == 0 &&
        resting.has_place(now, newest) && resting.has_place(now, after(newest, slots - 1)) &&
        (count == 0 || resting.has_place(now, after(newest, count - 1)));
    if (!untouched) {
        throw channel_broken("a process died inside an operation on a message queue, or wrote over it");
    }
}

std::vector<std::span<const std::byte>> message_queue::all_slots() const {
    std::vector<std::span<const std::byte>> messages;
    for (auto* slot : queue_->resting->slots) {
        const std::size_t length = slot->len; // read once: somebody may still write
        if (length <= queue_->slot_size) {
            messages.emplace_back(static_cast<const std::byte*>(slot->data()), length);
        }
    }
    return messages;
}

} // namespace multiprocessing::detail
