// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// Of the processes that share an actor each is killed: its own, the one that has made it, one that calls it;
// and one that calls it misbehaves, or is short of something.
#include "support/fault.hpp"
#include "support/leaves_nothing.hpp"
#include "support/scarce.hpp"

#include <csignal>
#include <cstddef>
#include <cstring>
#include <deque>
#include <optional>
#include <random>
#include <sys/socket.h>
#include <sys/un.h>

using namespace fault;

namespace {

class counter {
public:
    long add(long n) { return value_ += n; }
    long die() {
        std::raise(SIGKILL);
        return 0;
    }
    long wait_for(const std::string& file) {
        wait_for_file(file);
        return value_;
    }
    std::size_t count(const std::vector<char>& data) { return data.size(); }
    std::vector<char> make(std::size_t size) { return std::vector<char>(size, 'x'); }

private:
    long value_ = 0;
};
using handle = mp::actor<counter>;

mp::process start(mp::process process) {
    process.start();
    return process;
}

template <class R>
std::string loss_of(mp::future<R> call) {
    if (!call.wait_for(hang_limit)) {
        return "it hangs";
    }
    try {
        call.get();
    } catch (const mp::actor_lost& e) {
        return e.what();
    }
    return "it was not lost";
}

// Clients

/// What becomes of a call in which the actor's process dies, and of the next one.
std::pair<std::string, long> call_a_deadly_one(const handle& it) {
    auto deadly = it.call(&counter::die);
    auto next = it.call(&counter::add, 1);
    const auto death = death_of(std::move(deadly));
    if (death.signal() != SIGKILL) {
        throw std::logic_error("killed by another signal");
    }
    try {
        return {death.what(), next.get()};
    } catch (const mp::worker_died& e) {
        return {std::string(death.what()) + e.what(), -1};
    }
}

void call_for_ever(const handle& it) {
    std::deque<mp::future<long>> calls;
    for (;;) {
        calls.push_back(it.call(&counter::add, 1));
        if (calls.size() == 100) {
            calls.front().get();
            calls.pop_front();
        }
    }
}
void ask_for_much_and_stop(const handle& it) {
    std::vector<mp::future<std::vector<char>>> calls;
    for (int i = 0; i != 100; ++i) {
        calls.push_back(it.call(&counter::make, std::size_t{15'000}));
    }
    ::raise(SIGSTOP);
}

// The process that has made an actor

void make_and_stay(mp::connection<handle> to) {
    handle mine;
    to.send(mine);
    stay();
}
/// And somebody's copy of it, which lives on.
void make_and_be_copied(mp::connection<handle> to, mp::connection<long> copy) {
    handle mine;
    to.send(mine);
    (void)mine.call(&counter::add, 1).get();
    (void)to.recv(); // it has connected
    const auto pid = ::fork();
    if (pid == 0) {
        stay();
    }
    copy.send(pid);
    stay();
}

/// Takes all descriptors that this process may have, but for so many.
class all_descriptors_but {
public:
    explicit all_descriptors_but(std::size_t left) {
        scarce::allow(RLIMIT_NOFILE, 200);
        for (int next = ::dup(STDERR_FILENO); next >= 0; next = ::dup(STDERR_FILENO)) {
            taken_.push_back(next);
        }
        for (; left != 0; --left) {
            give_one_back();
        }
    }
    ~all_descriptors_but() {
        while (!taken_.empty()) {
            give_one_back();
        }
        scarce::allow_all(RLIMIT_NOFILE);
    }
    all_descriptors_but(const all_descriptors_but&) = delete;
    all_descriptors_but& operator=(const all_descriptors_but&) = delete;

private:
    void give_one_back() {
        ::close(taken_.back());
        taken_.pop_back();
    }
    std::vector<int> taken_;
};

/// A socket of an actor, to write anything to.
int connect_to(const handle& it) {
    const auto name = mp::decode<std::string>(mp::encode(it));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path + 1, name.data() + 1, name.size() - 1);
    const int socket = ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    BOOST_TEST_REQUIRE(::connect(socket, reinterpret_cast<const sockaddr*>(&address), size) == 0);
    return socket;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(shared_actor, leaves_nothing)

BOOST_AUTO_TEST_CASE(its_process_is_killed_in_a_call_from_another_process) {
    mp::pool guest(1);
    for (const auto policy : {mp::restart::none, mp::restart::fresh}) {
        handle a(mp::actor_options{.restart = policy});
        (void)a.call(&counter::add, 10).get();
        const auto [what, next] = guest.apply(call_a_deadly_one, a);
        BOOST_TEST(contains(what, "killed by SIGKILL while running"), what);
        BOOST_TEST(contains(what, "counter::die"), what);
        if (policy == mp::restart::none) {
            BOOST_TEST(contains(what, "counter::add did not run"), what);
            BOOST_TEST(next == -1);
        } else {
            BOOST_TEST(next == 1);
        }
    }
}

BOOST_AUTO_TEST_CASE(who_has_made_it_is_killed) {
    const scratch_file never;
    for (const bool in_a_call : {false, true}) {
        auto [here, there] = mp::pipe<handle>();
        auto maker = start(mp::process{make_and_stay, there});
        const auto a = here.recv();
        (void)a.call(&counter::add, 1).get();
        const identity its_process(a.pid());
        mp::future<long> running;
        if (in_a_call) {
            running = a.call(&counter::wait_for, never.path());
            BOOST_TEST(a.is_alive()); // by when the call has come
        }
        maker.kill();
        maker.join();
        if (in_a_call) {
            const auto what = loss_of(std::move(running));
            BOOST_TEST(contains(what, "counter::wait_for"), what);
            BOOST_TEST(contains(what, "has ended"), what);
        }
        BOOST_TEST(contains(loss_of(a.call(&counter::add, 1)), "counter::add"));
        BOOST_TEST(!a.is_alive());
        a.join();
        check_that_they_are_gone({its_process});
    }
}

BOOST_AUTO_TEST_CASE(who_has_made_it_is_killed_and_somebodys_copy_of_it_is_not,
                     *boost::unit_test::precondition(forks_beside_threads_are_sound)) {
    auto [here, there] = mp::pipe<handle>();
    auto [copies, copies_end] = mp::pipe<long>();
    auto maker = start(mp::process{make_and_be_copied, there, copies_end});
    there.close();
    copies_end.close();
    const auto a = here.recv();
    (void)a.call(&counter::add, 1).get();
    here.send(a);
    const auto copy = copies.recv();
    const scratch_file never;
    auto running = a.call(&counter::wait_for, never.path());
    BOOST_TEST(a.is_alive());
    maker.kill();
    maker.join();
    BOOST_TEST(contains(loss_of(std::move(running)), "counter::wait_for"));
    BOOST_TEST(contains(loss_of(a.call(&counter::add, 1)), "counter::add"));
    // Nor does who has not connected yet take the copy for the maker.
    BOOST_TEST(mp::pool(1).apply([](const handle& h) { return loss_of(h.call(&counter::add, 1)); }, a) !=
               "it hangs");
    kill_process(copy);
}

BOOST_AUTO_TEST_CASE(who_calls_it_is_killed_at_any_instant) {
    std::minstd_rand random(3);
    handle a;
    auto survivor = start(mp::process{call_for_ever, a});
    for (int round = 0; round != 30; ++round) {
        const auto before = a.call(&counter::add, 0).get();
        auto victim = start(mp::process{call_for_ever, a});
        BOOST_TEST_REQUIRE(eventually([&] { return a.call(&counter::add, 0).get() > before + 100; }));
        std::this_thread::sleep_for(std::chrono::microseconds(random() % 2000));
        victim.kill();
        victim.join();
    }
    BOOST_TEST(survivor.is_alive());
    const auto before = a.call(&counter::add, 0).get();
    BOOST_TEST(eventually([&] { return a.call(&counter::add, 0).get() > before + 1000; }));
    survivor.kill();
}

BOOST_AUTO_TEST_CASE(who_calls_it_stops_and_takes_no_results) {
    handle a;
    auto stopped = start(mp::process{ask_for_much_and_stop, a});
    BOOST_TEST(eventually([&] { return look_at(stopped.pid()).state == 'T'; }));
    BOOST_TEST(mp::pool(1).apply([](const handle& h) { return h.call(&counter::add, 1).get(); }, a) == 1);
    stopped.kill();
    stopped.join();
    BOOST_TEST(a.call(&counter::add, 1).get() == 2);
}

BOOST_AUTO_TEST_CASE(it_ends_while_somebody_takes_no_results) {
    std::optional<handle> a(std::in_place);
    auto stopped = start(mp::process{ask_for_much_and_stop, *a});
    BOOST_TEST(eventually([&] { return look_at(stopped.pid()).state == 'T'; }));
    a.reset(); // does not wait for ever
    BOOST_TEST(look_at(stopped.pid()).state == 'T');
    stopped.kill();
}

BOOST_AUTO_TEST_CASE(who_calls_it_writes_rubbish) {
    handle a;
    std::minstd_rand random(7);
    for (int round = 0; round != 300; ++round) {
        const int socket = connect_to(a);
        std::vector<std::uint32_t> packet(random() % 40 + 1);
        std::ranges::generate(packet, random);
        if (round % 3 != 0 && packet.size() > 6) { // a header that holds: id, size, kind
            packet[1] = 0;
            packet[2] = static_cast<std::uint32_t>((packet.size() - 6) * sizeof packet[0]);
            packet[3] = 0;
            packet[4] = random() % 2;
            packet[5] = round % 7 == 0 ? 1 : 0;
        }
        (void)::send(socket, packet.data(), packet.size() * sizeof packet[0], MSG_NOSIGNAL);
        ::close(socket);
    }
    BOOST_TEST(a.call(&counter::add, 1).get() == 1);
    BOOST_TEST(mp::pool(1).apply([](const handle& h) { return h.call(&counter::add, 1).get(); }, a) == 2);
}

BOOST_AUTO_TEST_CASE(who_calls_it_has_no_descriptors) {
    const auto experiment = [](const handle& it) {
        const std::vector<char> large(500'000, 'x');
        bool called = false;
        for (std::size_t room = 0; room != 12; ++room) { // from none at all to enough
            const all_descriptors_but so_many(room);
            called = scarce::succeeds(
                [&] {
                    scarce::expect(it.call(&counter::add, 1).get() > 0, scarce::wrong_value, "small");
                    scarce::expect(it.call(&counter::count, large).get() == large.size(), scarce::wrong_value,
                                   "large");
                    scarce::expect(it.call(&counter::make, large.size()).get() == large, scarce::wrong_value,
                                   "large result");
                },
                "with " + std::to_string(room));
        }
        scarce::expect(called, scarce::never_worked, "it never worked");
        ::_exit(scarce::as_promised);
    };
    handle a;
    auto guest = start(mp::process{experiment, a});
    guest.join();
    BOOST_TEST(guest.exit_code().value() == scarce::as_promised);
    BOOST_TEST(a.call(&counter::add, 1).get() > 1);
}

BOOST_AUTO_TEST_CASE(who_has_made_it_has_no_descriptors) {
    scarce::check([] {
        handle a;
        auto [ours, guests] = mp::pipe<int>();
        auto guest = start(mp::process{[](const handle& it, mp::connection<int> with) {
                                           with.send(0); // is there
                                           with.recv();
                                           auto call = it.call(&counter::add, 1);
                                           with.send(0);
                                           call.get();
                                       },
                                       a, guests});
        ours.recv();
        {
            const all_descriptors_but none(0);
            ours.send(0);
            ours.recv(); // it has called, and waits to be let in, unless something was closed just now
            scarce::expect(a.call(&counter::add, 1).get() > 0, scarce::wrong_value, "it does not go on");
        }
        guest.join();
        scarce::expect(guest.exit_code() == 0, scarce::never_worked, "it was not let in");
        ::_exit(scarce::as_promised);
    });
}

BOOST_AUTO_TEST_SUITE_END()
