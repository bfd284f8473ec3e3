// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include <multiprocessing/listener.hpp>

#include <multiprocessing/process.hpp>
#include <multiprocessing/wait.hpp>

#include "support/leaves_nothing.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <netinet/in.h>
#include <random>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <variant>
#include <vector>

// Connections between processes that know only an address and a key.

namespace mp = multiprocessing;
using namespace std::chrono_literals;

namespace {

constexpr const char* key = "a key that is long, and not random";
using texts = mp::connection<std::string>;

std::string path_here() {
    return (std::filesystem::temp_directory_path() / ("multiprocessing-" + std::to_string(::getpid())))
        .string();
}

/// Of each kind one.
constexpr int kinds = 3;
mp::address address_of_kind(int kind) {
    switch (kind) {
    case 0:
        return mp::local_address{path_here()};
    case 1:
        return mp::local_address{"@multiprocessing-test-" + std::to_string(::getpid())};
    default:
        return mp::tcp_address{"127.0.0.1"};
    }
}

/// For threads, which Boost.Test does not know.
template <class Error, class Action>
bool throws(const Action& action) {
    try {
        action();
        return false;
    } catch (const Error&) {
        return true;
    }
}

/// Both ends of a connection by address.
struct linked {
    mp::listener listener;
    texts accepted;
    texts connected;

    explicit linked(const mp::address& where, const mp::link_options& options = {})
        : listener(where, key, options) {
        std::thread other(
            [this, &options] { connected = mp::connect<std::string>(listener.address(), key, options); });
        accepted = listener.accept<std::string>();
        other.join();
    }
};

const mp::address tcp = mp::tcp_address{"127.0.0.1"};

/// A TCP socket to the listener, of somebody who does as he likes.
class stranger {
public:
    explicit stranger(const mp::listener& to) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(std::get<mp::tcp_address>(to.address()).port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        BOOST_TEST_REQUIRE(::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    }
    ~stranger() { ::close(socket_); }
    stranger(const stranger&) = delete;
    stranger& operator=(const stranger&) = delete;

    void say(const std::string& what) const { ::send(socket_, what.data(), what.size(), MSG_NOSIGNAL); }
    /// All that comes until the other side closes.
    [[nodiscard]] std::string hear() const {
        std::string all;
        char letter = 0;
        while (::recv(socket_, &letter, 1, 0) == 1) {
            all += letter;
        }
        return all;
    }
    [[nodiscard]] std::string hear(std::size_t size) const {
        std::string some(size, '\0');
        some.resize(
            static_cast<std::size_t>(std::max<ssize_t>(0, ::recv(socket_, some.data(), size, MSG_WAITALL))));
        return some;
    }

private:
    int socket_;
};

void check_both_ways(const mp::address& where) {
    linked both(where);
    for (const std::size_t size : {0, 1, 100'000, 1'000'000, 5'000'000}) {
        const std::string text(size, 'x');
        std::thread sender([&] { both.connected.send(text); });
        const auto received = both.accepted.recv();
        BOOST_TEST((received == text), "of size " << size);
        sender.join();
    }
    both.accepted.send("back");
    BOOST_TEST(both.connected.recv() == "back");
    BOOST_TEST(!both.connected.try_recv().has_value());
    BOOST_TEST(!both.connected.recv_for(1ms).has_value());
    both.accepted.close();
    BOOST_CHECK_THROW(both.connected.recv(), mp::end_of_file);
    BOOST_CHECK_THROW(
        for (;;) { both.connected.send("more"); }, mp::broken_pipe);
}

/// Connects, says one number, and hears the next.
void count_up(const std::string& path) {
    auto with = mp::connect<int>(mp::local_address{path}, key);
    with.send(1);
    std::exit(with.recv() == 2 ? EXIT_SUCCESS : EXIT_FAILURE);
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(listener, leaves_nothing)

BOOST_AUTO_TEST_CASE(values_go_both_ways) {
    for (int kind = 0; kind != kinds; ++kind) {
        BOOST_TEST_CONTEXT("address " << kind) {
            check_both_ways(address_of_kind(kind));
        }
    }
}

BOOST_AUTO_TEST_CASE(an_unrelated_process_connects) {
    mp::listener here(mp::local_address{path_here()}, key);
    mp::process other{count_up, path_here()};
    other.start();
    BOOST_TEST((mp::wait({here}) == std::vector<std::size_t>{0}));
    auto with = here.accept<int>();
    with.send(with.recv() + 1);
    other.join();
    BOOST_TEST(other.exit_code().value() == 0);
}

BOOST_AUTO_TEST_CASE(addresses_say_where) {
    const mp::listener local(mp::local_address{path_here()}, key);
    BOOST_TEST(std::filesystem::exists(path_here()));
    const auto permissions = std::filesystem::status(path_here()).permissions();
    BOOST_TEST(((permissions & std::filesystem::perms::others_all) == std::filesystem::perms::none));
    BOOST_TEST(mp::to_string(local.address()) == path_here());
    BOOST_CHECK_THROW(mp::listener(mp::local_address{path_here()}, key), mp::resource_error);
    const mp::listener by_tcp(tcp, key);
    BOOST_TEST(mp::to_string(by_tcp.address()) != "127.0.0.1:0");
}

BOOST_AUTO_TEST_CASE(a_path_goes_with_its_listener) {
    { const mp::listener local(mp::local_address{path_here()}, key); }
    BOOST_TEST(!std::filesystem::exists(path_here()));
}

BOOST_AUTO_TEST_CASE(nobody_there_is_an_error) {
    BOOST_CHECK_THROW((void)mp::connect<int>(mp::local_address{path_here()}, key), mp::resource_error);
    mp::address gone;
    {
        const mp::listener here(tcp, key);
        gone = here.address();
    }
    BOOST_CHECK_THROW((void)mp::connect<int>(gone, key), mp::resource_error);
    BOOST_CHECK_THROW((void)mp::connect<int>(mp::tcp_address{"no.such.host.invalid", 1}, key),
                      mp::resource_error);
    BOOST_CHECK_THROW((void)mp::connect<int>(mp::local_address{std::string(200, 'x')}, key),
                      mp::resource_error);
    BOOST_CHECK_THROW((void)mp::connect<int>(gone, ""), std::invalid_argument);
    BOOST_CHECK_THROW(mp::listener(tcp, ""), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(a_listener_that_does_not_accept_is_waited_for_only_so_long) {
    const mp::listener here(tcp, key);
    BOOST_CHECK_THROW((void)mp::connect<int>(here.address(), key, {.handshake_time = 10ms}),
                      mp::resource_error);
}

BOOST_AUTO_TEST_CASE(accepting_has_an_end) {
    mp::listener here(tcp, key);
    BOOST_TEST(!here.accept_for<int>(1ms).has_value());
    BOOST_TEST(!here.accept_until<int>(std::chrono::system_clock::now()).has_value());
    std::thread other([&] { mp::connect<int>(here.address(), key).send(1); });
    BOOST_TEST(here.accept_for<int>(20s).value().recv() == 1);
    other.join();
}

BOOST_AUTO_TEST_CASE(another_key_is_turned_away) {
    for (int kind = 0; kind != kinds; ++kind) {
        mp::listener here(address_of_kind(kind), key);
        bool is_turned_away = false;
        std::thread other([&] {
            is_turned_away =
                throws<mp::authentication_failed>([&] { (void)mp::connect<int>(here.address(), "a guess"); });
            mp::connect<int>(here.address(), key).send(1);
        });
        BOOST_TEST(here.accept<int>().recv() == 1);
        other.join();
        BOOST_TEST(is_turned_away);
        BOOST_TEST(here.refused() == 1U);
    }
}

BOOST_AUTO_TEST_CASE(a_listener_with_another_key_is_found_out) {
    mp::listener wrong(tcp, "another key");
    bool has_accepted = true;
    std::thread other([&] { has_accepted = wrong.accept_for<int>(200ms).has_value(); });
    BOOST_CHECK_THROW((void)mp::connect<int>(wrong.address(), key), mp::authentication_failed);
    other.join();
    BOOST_TEST(!has_accepted);
}

BOOST_AUTO_TEST_CASE(strangers_keep_nobody_waiting_and_learn_nothing) {
    mp::listener here(tcp, key, {.handshake_time = 200ms});
    std::vector<std::unique_ptr<stranger>> silent;
    for (int i = 0; i != 10; ++i) {
        silent.push_back(std::make_unique<stranger>(here));
    }
    const stranger babbler(here);
    babbler.say("GET / HTTP/1.1\r\n" + std::string(100'000, 'x'));
    std::thread other([&] { mp::connect<int>(here.address(), key).send(1); });
    BOOST_TEST(here.accept<int>().recv() == 1); // while the silent ones are there
    other.join();
    while (here.refused() != 11) {
        BOOST_TEST(!here.accept_for<int>(50ms).has_value());
    }
    for (const auto& each : silent) {
        BOOST_TEST(each->hear().size() == 48U); // a greeting, and nothing more
    }
}

BOOST_AUTO_TEST_CASE(what_the_listener_says_proves_nothing_to_itself) {
    mp::listener here(tcp, key);
    const stranger mirror(here);
    std::string answer = "not yet";
    std::thread mirroring([&] {
        const auto greeting = mirror.hear(48);
        mirror.say(greeting + std::string(32, '\0')); // the same number back, and no proof
        answer = mirror.hear();
    });
    while (here.refused() != 1) {
        BOOST_TEST(!here.accept_for<int>(10ms).has_value());
    }
    mirroring.join();
    BOOST_TEST(answer.empty());
}

BOOST_AUTO_TEST_CASE(no_message_is_larger_than_agreed) {
    linked both(tcp, {.max_message = 1000});
    BOOST_CHECK_THROW(both.connected.send(std::string(1000, 'x')), mp::not_encodable);
    both.connected.send(std::string(900, 'x'));
    BOOST_TEST(both.accepted.recv().size() == 900U);
    const std::uint64_t announced = std::uint64_t{1} << 60;
    ::send(both.connected.native_handle(), &announced, sizeof announced, 0);
    BOOST_CHECK_THROW(both.accepted.recv(), mp::decode_failed);
    BOOST_CHECK_THROW(both.accepted.recv(), mp::decode_failed);
}

BOOST_AUTO_TEST_CASE(a_message_that_comes_in_parts_is_whole_or_not_at_all) {
    linked both(tcp);
    const auto encoded = mp::encode(std::string("in parts"));
    const std::uint64_t size = encoded.size();
    std::string bytes(sizeof size + size, '\0');
    std::memcpy(bytes.data(), &size, sizeof size);
    std::memcpy(bytes.data() + sizeof size, encoded.data(), size);
    const int out = both.connected.native_handle();
    for (const char& byte : bytes) {
        BOOST_TEST(!both.accepted.try_recv().has_value());
        ::send(out, &byte, 1, 0);
    }
    BOOST_TEST(both.accepted.recv() == "in parts");
    ::send(out, bytes.data(), bytes.size() - 1, 0);
    BOOST_TEST(!both.accepted.recv_for(1ms).has_value());
    both.connected.close();
    BOOST_CHECK_THROW(both.accepted.recv(), mp::end_of_file);
}

BOOST_AUTO_TEST_CASE(bytes_of_any_kind_are_values_or_errors) {
    std::minstd_rand random(1);
    linked both(tcp);
    for (int round = 0; round != 300; ++round) {
        const std::uint64_t size = random() % 40;
        std::vector<std::byte> message(size);
        for (auto& byte : message) {
            byte = static_cast<std::byte>(random() % 3 == 0 ? random() % 256 : random() % 3);
        }
        both.connected.send_bytes(message);
        try {
            BOOST_TEST(both.accepted.recv().size() + 8 == size);
        } catch (const mp::decode_failed&) {
        }
    }
}

BOOST_AUTO_TEST_CASE(connections_go_over_local_addresses_and_not_over_tcp) {
    mp::listener local(address_of_kind(1), key);
    mp::listener by_tcp(tcp, key);
    int received = 0;
    bool is_refused = false;
    std::thread other([&] {
        auto [mine, yours] = mp::pipe<int>();
        auto to = mp::connect<mp::connection<int>>(local.address(), key);
        to.send(yours);
        yours.close();
        received = mine.recv();
        auto far = mp::connect<mp::connection<int>>(by_tcp.address(), key);
        is_refused = throws<mp::not_encodable>([&, &what = mine] { far.send(what); });
    });
    local.accept<mp::connection<int>>().recv().send(7);
    (void)by_tcp.accept<mp::connection<int>>();
    other.join();
    BOOST_TEST(received == 7);
    BOOST_TEST(is_refused);
}

BOOST_AUTO_TEST_CASE(a_connection_over_tcp_is_sent_to_another_process) {
    linked both(tcp);
    auto [a, b] = mp::pipe<texts>();
    a.send(both.accepted);
    both.accepted.close();
    auto received = b.recv();
    both.connected.send("there");
    BOOST_TEST(received.recv() == "there");
    received.send("back");
    BOOST_TEST(both.connected.recv() == "back");
}

BOOST_AUTO_TEST_SUITE_END()
