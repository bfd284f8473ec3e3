// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "wire/message_queue.hpp"

#include "ipc/names.hpp"
#include "wire/frame.hpp"

#include "support/leaves_nothing.hpp"

#include <multiprocessing/error.hpp>

#include <algorithm>
#include <boost/interprocess/ipc/message_queue.hpp>
#include <boost/interprocess/mapped_region.hpp>
#include <boost/interprocess/shared_memory_object.hpp>
#include <boost/test/unit_test.hpp>
#include <cstring>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

namespace detail = multiprocessing::detail;

namespace {

constexpr std::size_t slot_size = 32;

/// A queue of four slots, whose name is gone in the end.
struct queue_with_name {
    std::string name = detail::make_name();
    detail::message_queue queue = detail::message_queue::create(name, 4, slot_size);
    queue_with_name() = default;
    ~queue_with_name() { detail::message_queue::remove(name); }
    queue_with_name(const queue_with_name&) = delete;
    queue_with_name& operator=(const queue_with_name&) = delete;

    bool send(const std::string& text) { return queue.try_send(std::as_bytes(std::span(text))); }
    std::string receive() {
        std::string text(slot_size, '\0');
        const auto size = queue.try_receive(std::as_writable_bytes(std::span(text)));
        return size != detail::message_queue::nothing ? text.substr(0, size) : "nothing";
    }
    [[nodiscard]] std::vector<std::string> salvage() const {
        std::vector<std::string> found;
        for (const auto slot : queue.all_slots()) {
            if (!slot.empty()) {
                found.emplace_back(reinterpret_cast<const char*>(slot.data()), slot.size());
            }
        }
        std::ranges::sort(found);
        return found;
    }

    /// Calls `change` with the queue's header as it lies in shared memory.
    template <class Change>
    void tamper(const Change& change) const {
        namespace ipc = boost::interprocess;
        using header = ipc::ipcdetail::mq_hdr_t<ipc::offset_ptr<void>>;
        using memory = ipc::ipcdetail::managed_open_or_create_impl<ipc::shared_memory_object, 0, true, false>;
        const ipc::mapped_region region(
            ipc::shared_memory_object(ipc::open_only, name.c_str(), ipc::read_write), ipc::read_write);
        auto* inside = static_cast<std::byte*>(region.get_address()) + memory::ManagedOpenOrCreateUserOffset;
        change(*reinterpret_cast<header*>(inside));
    }
    /// Leaves the queue as somebody does who dies inside an operation: with the mutex locked. A thread that
    /// ends is enough, as the mutex belongs to a thread.
    void poison() const {
        tamper([](auto& header) { std::thread([&] { header.m_mutex.lock(); }).join(); });
    }
};

/// Whether the queue is found unfit for use after `change`.
template <class Change>
bool is_found_out(const Change& change) {
    queue_with_name q;
    q.send("a");
    q.send("b");
    q.receive();
    q.queue.check_untouched(); // throws where it is found unfit before
    q.tamper(change);
    try {
        q.queue.check_untouched();
    } catch (const detail::channel_broken&) {
        return true;
    }
    return false;
}

using texts = std::vector<std::string>;

} // namespace

BOOST_FIXTURE_TEST_SUITE(message_queue, leaves_nothing)

BOOST_AUTO_TEST_CASE(messages_come_out_in_the_order_in_which_they_went_in) {
    queue_with_name q;
    q.send("a");
    q.send("");
    q.send("c");
    BOOST_TEST(q.receive() == "a");
    BOOST_TEST(q.receive() == "");
    BOOST_TEST(q.receive() == "c");
    BOOST_TEST(q.receive() == "nothing");
}

BOOST_AUTO_TEST_CASE(a_full_queue_takes_nothing) {
    queue_with_name q;
    for (int i = 0; i != 4; ++i) {
        BOOST_TEST(q.send("x"));
    }
    BOOST_TEST(!q.send("y"));
}

BOOST_AUTO_TEST_CASE(two_that_open_one_name_have_one_queue) {
    queue_with_name q;
    auto other = detail::message_queue::open(q.name);
    const std::string text = "a";
    BOOST_TEST(other.try_send(std::as_bytes(std::span(text))));
    BOOST_TEST(q.receive() == "a");
}

BOOST_AUTO_TEST_CASE(a_name_is_used_once) {
    const queue_with_name q;
    // Creating it again must neither succeed nor take the first one away.
    BOOST_CHECK_THROW((void)detail::message_queue::create(q.name, 4, slot_size),
                      multiprocessing::resource_error);
    (void)detail::message_queue::open(q.name);
}

BOOST_AUTO_TEST_CASE(opening_an_unknown_name_is_an_error) {
    BOOST_CHECK_THROW((void)detail::message_queue::open(detail::make_name()),
                      multiprocessing::resource_error);
}

BOOST_AUTO_TEST_CASE(is_nobody_elses_business) {
    const queue_with_name q;
    using std::filesystem::perms;
    const auto permissions = std::filesystem::status("/dev/shm/" + q.name).permissions();
    BOOST_TEST((permissions == (perms::owner_read | perms::owner_write)));
}

BOOST_AUTO_TEST_CASE(goes_on_without_its_name) {
    queue_with_name q;
    q.send("a");
    detail::message_queue::remove(q.name);
    BOOST_TEST(q.receive() == "a");
}

BOOST_AUTO_TEST_CASE(the_slots_hold_what_was_not_received) {
    queue_with_name q;
    for (const auto* text : {"a", "b", "c", "d"}) {
        q.send(text);
    }
    q.receive();
    q.receive();
    q.send("e"); // in a slot that was used before
    BOOST_TEST(q.salvage() == (texts{"c", "d", "e"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(there_are_as_many_slots_as_the_queue_has) {
    const queue_with_name q;
    BOOST_TEST(q.queue.all_slots().size() == 4U);
    BOOST_TEST(q.salvage().empty());
}

BOOST_AUTO_TEST_CASE(a_death_inside_an_operation_is_an_error_and_not_a_hang) {
    queue_with_name q;
    q.send("a");
    q.poison();
    BOOST_CHECK_THROW(q.send("b"), detail::channel_broken);
    BOOST_CHECK_THROW(q.receive(), detail::channel_broken);
    BOOST_CHECK_THROW(q.receive(), detail::channel_broken); // the first call has not made it look sound
}

BOOST_AUTO_TEST_CASE(a_death_inside_an_operation_leaves_the_slots_to_be_salvaged) {
    queue_with_name q;
    q.send("a");
    q.send("b");
    q.poison();
    BOOST_CHECK_THROW(q.receive(), detail::channel_broken);
    BOOST_TEST(q.salvage() == (texts{"a", "b"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_queue_in_ordinary_use_is_untouched_after_every_operation) {
    queue_with_name q;
    auto other = detail::message_queue::open(q.name);
    q.queue.check_untouched();
    const std::string text = "a";
    for (int i = 0; i != 20; ++i) {
        BOOST_TEST(other.try_send(std::as_bytes(std::span(text))));
        q.queue.check_untouched();
        BOOST_TEST(q.send("b"));
        q.queue.check_untouched();
        BOOST_TEST(q.receive() == "a");
        BOOST_TEST(q.receive() == "b");
        q.queue.check_untouched();
        BOOST_TEST(q.receive() == "nothing");
        q.queue.check_untouched();
    }
}

BOOST_AUTO_TEST_CASE(a_death_inside_an_operation_is_found_out) {
    const queue_with_name q;
    q.poison();
    BOOST_CHECK_THROW(q.queue.check_untouched(), detail::channel_broken);
}

BOOST_AUTO_TEST_CASE(what_is_written_over_a_queue_is_found_out) {
    BOOST_TEST(!is_found_out([](auto&) {}));
    BOOST_TEST(is_found_out([](auto& header) { header.m_cur_num_msg = 5; }));
    BOOST_TEST(is_found_out([](auto& header) { header.m_cur_first_msg = 4; }));
    BOOST_TEST(is_found_out([](auto& header) { header.m_blocked_senders = 1; }));
    BOOST_TEST(is_found_out([](auto& header) { header.m_blocked_receivers = 1; }));
    BOOST_TEST(is_found_out([](auto& header) { header.mp_index += 1; }));
    BOOST_TEST(is_found_out([](auto& header) { header.mp_index[1] -= 1; })); // where the next is sent
    BOOST_TEST(is_found_out([](auto& header) { header.mp_index[2] -= 1; })); // where "b" is
    BOOST_TEST(is_found_out([](auto& header) { std::memset(static_cast<void*>(&header.m_mutex), 0xff, 4); }));
    BOOST_TEST(is_found_out([](auto& header) {
        std::memset(const_cast<std::size_t*>(&header.m_max_num_msg), 0xff, sizeof(std::size_t));
    }));
    BOOST_TEST(is_found_out([](auto& header) {
        std::memset(const_cast<std::size_t*>(&header.m_max_msg_size), 0xff, sizeof(std::size_t));
    }));
}

BOOST_AUTO_TEST_CASE(what_is_written_over_the_index_is_found_out_before_it_is_used) {
    for (int place = 0; place != 4; ++place) {
        for (int messages = 1; messages <= 4; ++messages) {
            queue_with_name q;
            q.tamper([&](auto& header) { header.mp_index[place] -= 1; });
            const auto use = [&] {
                for (int i = 0; i != 8; ++i) {
                    for (int j = 0; j != messages; ++j) {
                        q.queue.check_untouched();
                        q.send("a");
                    }
                    for (int j = 0; j != messages; ++j) {
                        q.queue.check_untouched();
                        BOOST_TEST(q.receive() == "a");
                    }
                }
            };
            BOOST_CHECK_THROW(use(), detail::channel_broken);
        }
    }
}

BOOST_AUTO_TEST_CASE(slots_are_found_whatever_was_written_over_the_index) {
    queue_with_name q;
    q.send("a");
    q.tamper([](auto& header) {
        for (int i = 0; i != 4; ++i) {
            header.mp_index[i] += 1'000;
        }
        header.mp_index += 1'000;
    });
    BOOST_TEST(q.salvage() == (texts{"a"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
