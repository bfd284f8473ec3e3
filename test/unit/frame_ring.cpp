// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "wire/frame_ring.hpp"

#include "support/leaves_nothing.hpp"

#include <array>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <optional>
#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

namespace detail = multiprocessing::detail;

namespace {

using layout = detail::frame_ring;
constexpr std::uint64_t slots = layout::slots;

/// Memory that a forked process shares, of zeros at first.
template <class T>
class shared {
public:
    shared()
        : memory_(::mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) {
        BOOST_REQUIRE(memory_ != MAP_FAILED);
    }
    ~shared() { ::munmap(memory_, sizeof(T)); }
    shared(const shared&) = delete;
    shared& operator=(const shared&) = delete;
    T& operator*() { return *static_cast<T*>(memory_); }
    T* operator->() { return static_cast<T*>(memory_); }

private:
    void* memory_;
};

/// A message that shows when it is made of parts of several.
void write(layout::slot& slot, std::uint64_t value) {
    for (std::size_t at = 0; at != slot.size(); at += sizeof value) {
        std::memcpy(slot.data() + at, &value, sizeof value);
    }
}
/// Nothing when it is.
std::optional<std::uint64_t> read(const layout::slot& slot) {
    std::uint64_t value = 0;
    std::memcpy(&value, slot.data(), sizeof value);
    layout::slot whole;
    write(whole, value);
    return std::memcmp(whole.data(), slot.data(), slot.size()) == 0 ? std::optional(value) : std::nullopt;
}

bool send(detail::ring_sender& to, std::uint64_t value) {
    if (!to.has_room()) {
        return false;
    }
    write(to.slot(), value);
    to.written();
    to.send();
    return true;
}
std::optional<std::uint64_t> receive(detail::ring_receiver& from) {
    if (!from.has_message()) {
        return std::nullopt;
    }
    auto value = read(from.slot());
    from.taken();
    return value;
}
std::optional<std::uint64_t> take(detail::ring_rival& from) {
    layout::slot copy;
    return from.take([&](const auto& slot) { copy = slot; }) ? read(copy) : std::nullopt;
}
/// A process that is killed before it has run for long.
class short_lived {
public:
    template <class Run>
    explicit short_lived(const Run& run) : pid_(::fork()) {
        if (pid_ == 0) {
            [&]() noexcept { run(); }(); // nothing else of this program is run here
            ::_exit(0);
        }
        BOOST_REQUIRE(pid_ > 0);
    }
    ~short_lived() {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    short_lived(const short_lived&) = delete;
    short_lived& operator=(const short_lived&) = delete;

private:
    pid_t pid_;
};

struct one_ring {
    shared<layout> ring;
    detail::ring_sender sender{*ring};
    detail::ring_receiver receiver{*ring};
};
struct rivals {
    shared<layout> ring;
    detail::ring_sender sender{*ring};
    detail::ring_rival receiver{*ring};

    std::optional<std::uint64_t> take_back() {
        const auto number = sender.take_back();
        return number ? read((*ring)[*number]) : std::nullopt;
    }
};

/// What takes longer hangs.
class patience {
public:
    explicit operator bool() const { return std::chrono::steady_clock::now() < end_; }

private:
    std::chrono::steady_clock::time_point end_ = std::chrono::steady_clock::now() + std::chrono::minutes(1);
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(frame_ring, leaves_nothing)

BOOST_AUTO_TEST_CASE(is_first_in_first_out_however_often_it_goes_round) {
    one_ring one;
    BOOST_TEST(!one.receiver.has_message());
    for (std::uint64_t n = 1; n != 3 * slots; ++n) {
        BOOST_TEST(one.sender.number() == n);
        BOOST_TEST(send(one.sender, n));
        BOOST_TEST(one.receiver.something_came());
        BOOST_TEST(one.receiver.number() == n);
        BOOST_TEST(receive(one.receiver).value() == n);
        BOOST_TEST(!one.receiver.something_came());
    }
}

BOOST_AUTO_TEST_CASE(holds_as_many_messages_as_it_has_slots) {
    one_ring one;
    for (std::uint64_t n = 0; n != slots; ++n) {
        BOOST_TEST(send(one.sender, n));
    }
    BOOST_TEST(!send(one.sender, slots));
    BOOST_TEST(receive(one.receiver).value() == 0U);
    BOOST_TEST(send(one.sender, slots));
    BOOST_TEST(!send(one.sender, slots + 1));
    for (std::uint64_t n = 1; n <= slots; ++n) {
        BOOST_TEST(receive(one.receiver).value() == n);
    }
}

BOOST_AUTO_TEST_CASE(what_is_written_is_not_there_until_it_is_sent) {
    one_ring one;
    for (const std::uint64_t n : {1, 2}) {
        write(one.sender.slot(), n);
        one.sender.written();
    }
    BOOST_TEST(!one.receiver.has_message());
    one.sender.send();
    BOOST_TEST(receive(one.receiver).value() == 1U);
    BOOST_TEST(receive(one.receiver).value() == 2U);
}

BOOST_AUTO_TEST_CASE(the_oldest_is_taken_back_first) {
    rivals one;
    for (std::uint64_t n = 1; n < 2 * slots; n += 5) { // goes round
        for (std::uint64_t i = 0; i != 5; ++i) {
            BOOST_TEST(send(one.sender, n + i));
        }
        BOOST_TEST(take(one.receiver).value() == n);
        BOOST_TEST(one.take_back().value() == n + 1);
        BOOST_TEST(one.take_back().value() == n + 2);
        BOOST_TEST(take(one.receiver).value() == n + 3);
        BOOST_TEST(take(one.receiver).value() == n + 4);
        BOOST_TEST(!one.take_back().has_value());
        BOOST_TEST(!take(one.receiver).has_value());
    }
    while (send(one.sender, 0)) {
    }
    BOOST_TEST(one.take_back().has_value());
    BOOST_TEST(send(one.sender, 0)); // in its place
}

BOOST_AUTO_TEST_CASE(numbers_that_make_no_sense_are_found_out) {
    one_ring one;
    for (std::uint64_t n = 0; n != slots; ++n) {
        send(one.sender, n);
    }
    receive(one.receiver);
    for (const std::uint64_t nonsense : {slots + 1, ~std::uint64_t{0}}) {
        one.ring->taken = nonsense;
        BOOST_CHECK_THROW((void)one.sender.has_room(), detail::nonsense_received);
        BOOST_CHECK_THROW((void)one.sender.take_back(), detail::nonsense_received);
    }
    one.ring->taken = 10;
    BOOST_TEST(one.sender.has_room());
    while (send(one.sender, 0)) {
    }
    one.ring->taken = 9; // it had been more
    BOOST_CHECK_THROW((void)one.sender.has_room(), detail::nonsense_received);

    one_ring other;
    send(other.sender, 1);
    receive(other.receiver);
    for (const std::uint64_t nonsense : {std::uint64_t{0}, slots + 2, ~std::uint64_t{0}}) {
        other.ring->sent = nonsense;
        BOOST_TEST(other.receiver.something_came());
        BOOST_CHECK_THROW((void)other.receiver.has_message(), detail::nonsense_received);
    }
}

// A sender that is killed at any instant has sent what is whole, and nothing else.
BOOST_AUTO_TEST_CASE(what_a_killed_sender_has_sent_is_whole) {
    for (int round = 0; round != 50; ++round) {
        one_ring one;
        std::uint64_t got = 0;
        const auto take_all = [&] {
            while (one.receiver.has_message()) {
                BOOST_TEST_REQUIRE(receive(one.receiver).value() == ++got);
            }
        };
        {
            const short_lived child([&] {
                for (std::uint64_t n = 1;; ++n) {
                    while (!send(one.sender, n)) {
                        ::sched_yield();
                    }
                }
            });
            const auto enough = 100U * static_cast<std::uint64_t>(round % 10 + 1);
            for (const patience left; left && got < enough;) {
                take_all();
                ::sched_yield();
            }
            BOOST_TEST(got >= enough);
        }
        take_all();
        BOOST_TEST(one.ring->sent == got);
    }
}

// What a receiver that is killed had not taken can be taken back; and nothing has two takers.
BOOST_AUTO_TEST_CASE(what_a_killed_receiver_leaves_is_taken_back) {
    struct journal {
        std::atomic<std::uint64_t> last; // of what the receiver has taken
        std::atomic<bool> is_mixed_up;
        std::array<std::atomic<std::uint32_t>, 1'000'000> takers;
    };
    for (int round = 0; round != 30; ++round) {
        rivals one;
        shared<journal> noted;
        auto& book = *noted;
        std::uint64_t sent = 0;
        const auto note = [&](std::uint64_t value) { ++book.takers[value]; };
        {
            const short_lived child([&] {
                for (;;) {
                    layout::slot copy;
                    if (!one.receiver.take([&](const auto& slot) { copy = slot; })) {
                        ::sched_yield();
                        continue;
                    }
                    const auto value = read(copy);
                    if (!value || *value <= book.last) {
                        book.is_mixed_up = true;
                        ::_exit(1);
                    }
                    note(*value);
                    book.last = *value;
                }
            });
            const auto enough = 2'000U * static_cast<std::uint64_t>(round % 10 + 1);
            for (const patience left; left && book.last < enough && !book.is_mixed_up;) {
                const auto before = sent;
                while (sent != before + 20 && sent + 1 != book.takers.size() && send(one.sender, sent + 1)) {
                    ++sent;
                }
                if (sent == before) {
                    ::sched_yield();
                } else if (const auto back = one.take_back()) {
                    note(*back);
                }
            }
            BOOST_TEST(book.last >= enough);
        }
        BOOST_TEST_REQUIRE(!book.is_mixed_up);
        while (const auto left = one.take_back()) {
            note(*left);
        }
        std::uint64_t lost = 0; // what was in the hand of the one that was killed
        for (std::uint64_t value = 1; value <= sent; ++value) {
            BOOST_TEST_REQUIRE(book.takers[value] <= 1U);
            lost += book.takers[value] == 0U ? 1U : 0U;
        }
        BOOST_TEST(lost <= 1U);
        BOOST_TEST(one.ring->taken == sent);
    }
}

BOOST_AUTO_TEST_SUITE_END()
