// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// Workers that write rubbish wherever they can: they may end themselves, not the parent.
#include "support/fault.hpp"
#include "support/leaves_nothing.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <random>
#include <span>
#include <sys/socket.h>
#include <sys/stat.h>

using namespace fault;

namespace {

std::vector<int> descriptors(const std::string& part) {
    std::vector<int> found;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        std::error_code vanished;
        const auto target = std::filesystem::read_symlink(entry.path(), vanished).string();
        const auto fd = std::stoi(entry.path().filename().string());
        if (fd > 2 && target.find(part) != std::string::npos) {
            found.push_back(fd);
        }
    }
    return found;
}

using block = std::array<unsigned char, 512>;
block rubbish(std::minstd_rand& random) {
    block bytes;
    for (auto& byte : bytes) {
        byte = static_cast<unsigned char>(random() >> 8);
    }
    return bytes;
}

void write_to_sockets(unsigned seed) {
    std::minstd_rand random(seed);
    for (const int socket : descriptors("socket:")) {
        for (int i = 0; i != 50; ++i) {
            const auto bytes = rubbish(random);
            (void)::send(socket, bytes.data(), random() % bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        }
    }
}
void close_sockets(unsigned) {
    for (const int socket : descriptors("socket:")) {
        ::close(socket);
    }
}
void shut_sockets_down(unsigned) {
    for (const int socket : descriptors("socket:")) {
        ::shutdown(socket, SHUT_RDWR);
    }
}
void empty_sockets(unsigned) {
    block bytes;
    for (const int socket : descriptors("socket:")) {
        while (::recv(socket, bytes.data(), bytes.size(), MSG_DONTWAIT) > 0) {
        }
    }
}
void write_to_buffers(unsigned seed) {
    std::minstd_rand random(seed);
    for (const char* name : {"multiprocessing-results", "multiprocessing-tasks"}) {
        for (const int memory : descriptors(name)) {
            const auto bytes = rubbish(random);
            (void)!::pwrite(memory, bytes.data(), bytes.size(), 0);
        }
    }
}
/// The worker's own side of the control block as well as the pool's; then dies, since a worker that says
/// nothing any more is as one that runs for ever.
void write_to_control_and_die(unsigned seed) {
    std::minstd_rand random(seed);
    for (const int memory : descriptors("multiprocessing-control")) {
        const auto bytes = rubbish(random);
        (void)!::pwrite(memory, bytes.data(), bytes.size(), 0);
    }
    ::_exit(1);
}
/// Where counts are, whatever they count, there are now others that are not far from sound.
void write_small_numbers_and_stay(unsigned seed) {
    std::minstd_rand random(seed);
    constexpr off_t line = 64;
    for (const int memory : descriptors("multiprocessing-control")) {
        struct stat status {};
        ::fstat(memory, &status);
        for (off_t at = 0; at < status.st_size; at += line) {
            const std::uint64_t number = (random() >> 8) % 600;
            (void)!::pwrite(memory, &number, sizeof number, at);
        }
    }
    for (;;) {
        ::pause();
    }
}
void cut_memory_short(unsigned) {
    for (const int memory : descriptors("memfd:")) {
        (void)!::ftruncate(memory, 0);
    }
}

/// Memory that this process shares, and can write to.
std::vector<std::pair<std::uintptr_t, std::uintptr_t>> shared_memory() {
    std::vector<std::pair<std::uintptr_t, std::uintptr_t>> found;
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);) {
        std::istringstream fields(line);
        std::uintptr_t begin = 0;
        std::uintptr_t end = 0;
        char dash = 0;
        std::string permissions;
        fields >> std::hex >> begin >> dash >> end >> permissions;
        if (permissions == "rw-s") {
            found.emplace_back(begin, end);
        }
    }
    return found;
}
/// As a stray pointer might, but everywhere. It does not come to anything afterwards: what it would lock or
/// follow is rubbish as well.
__attribute__((no_sanitize("address", "undefined"))) void scribble_over_everything_shared(unsigned seed) {
    std::minstd_rand random(seed);
    for (const auto& [begin, end] : shared_memory()) {
        for (auto at = begin; at != end; ++at) {
            *reinterpret_cast<volatile unsigned char*>(at) = static_cast<unsigned char>(random() >> 8);
        }
    }
    ::_exit(1);
}
/// The same with something that looks sound: nothing but zeros, or ones.
__attribute__((no_sanitize("address", "undefined"))) void fill_everything_shared(unsigned seed) {
    for (const auto& [begin, end] : shared_memory()) {
        for (auto at = begin; at != end; ++at) {
            *reinterpret_cast<volatile unsigned char*>(at) = seed % 2 == 0 ? 0 : 0xff;
        }
    }
    ::_exit(1);
}
/// Stays alive, and in the way.
__attribute__((no_sanitize("address", "undefined"))) void scribble_and_stay(unsigned seed) {
    std::minstd_rand random(seed);
    for (const auto& [begin, end] : shared_memory()) {
        for (auto at = begin; at != end; ++at) {
            *reinterpret_cast<volatile unsigned char*>(at) = static_cast<unsigned char>(random() >> 8);
        }
    }
    for (;;) {
        ::pause();
    }
}
std::size_t count_shared_memory() {
    return shared_memory().size();
}

/// Rings without end: the pool must not listen without end.
void ring_for_ever(const std::string& begun) {
    const auto sockets = descriptors("socket:");
    std::ofstream(begun).put('x');
    const std::uint64_t tag = 0;
    for (;;) {
        for (const int socket : sockets) {
            if (::send(socket, &tag, sizeof tag, MSG_NOSIGNAL) < 0 && errno != EAGAIN) {
                ::_exit(1);
            }
        }
    }
}

/// A frame without a content of its own, as a worker of `strict` isolation sends it that has said that it is
/// ready, and that it began its first task.
struct raw_frame {
    std::uint64_t sequence = 3, task = 0, size = 0;
    std::uint32_t kind = 0, route = 0;
};
/// The channel's; the other one is the stop line.
int channel_socket() {
    return std::ranges::min(descriptors("socket:"));
}

/// Says without end what a worker may say once: that it is ready (4), that it begins a task (6), or what a
/// captured task has printed (7).
void repeat_for_ever(std::uint32_t kind, const std::string& begun) {
    raw_frame frame{.kind = kind};
    std::ofstream(begun).put('x');
    for (const int socket = channel_socket();; ++frame.sequence) {
        while (::send(socket, &frame, sizeof frame, MSG_NOSIGNAL) < 0 && errno == EAGAIN) {
        }
    }
}

bool send_with(int socket, std::span<const std::byte> packet, int fd) {
    iovec content{const_cast<std::byte*>(packet.data()), packet.size()};
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int))> control{};
    msghdr header{};
    header.msg_iov = &content;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    auto* carried = CMSG_FIRSTHDR(&header);
    carried->cmsg_level = SOL_SOCKET;
    carried->cmsg_type = SCM_RIGHTS;
    carried->cmsg_len = CMSG_LEN(sizeof fd);
    std::memcpy(CMSG_DATA(carried), &fd, sizeof fd);
    return ::sendmsg(socket, &header, MSG_NOSIGNAL) >= 0;
}

/// Once it is told to end, sends large results without end instead.
void send_results_for_ever(const std::string& begun) {
    static volatile std::sig_atomic_t told = 0;
    std::signal(SIGTERM, [](int) { told = 1; });
    const std::vector<char> content(1 << 20);
    const int memory = ::memfd_create("result", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    (void)!::write(memory, content.data(), content.size());
    ::fcntl(memory, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
    raw_frame frame{.size = content.size(), .kind = 8, .route = 2};
    std::ofstream(begun).put('x');
    while (told == 0) {
        ::pause();
    }
    for (const int socket = channel_socket();; ++frame.sequence) {
        while (!send_with(socket, std::as_bytes(std::span(&frame, 1)), memory) && errno == EAGAIN) {
        }
    }
}

void send_descriptors(const std::string& begun, unsigned count) {
    const auto sockets = descriptors("socket:");
    for (std::uint64_t tag = 1'000'000; tag != 1'000'000 + count; ++tag) {
        while (!send_with(sockets.at(0), std::as_bytes(std::span(&tag, 1)), STDIN_FILENO) &&
               errno == EAGAIN) {
            ::usleep(100);
        }
    }
    std::ofstream(begun).put('x');
    for (;;) {
        ::pause();
    }
}

std::size_t open_descriptors() {
    const std::filesystem::directory_iterator open("/proc/self/fd");
    return static_cast<std::size_t>(std::distance(begin(open), end(open)));
}

/// A hostile task at a time among harmless ones: none of those may notice.
void check(void (*hostile)(unsigned), mp::isolation isolation = mp::isolation::shared) {
    mp::pool pool({.processes = 2, .isolation = isolation});
    std::vector<mp::future<int>> harmless;
    for (unsigned seed = 1; seed != 11; ++seed) {
        auto task = pool.apply_async({.timeout = 10s}, hostile, seed);
        for (int i = 0; i != 20; ++i) {
            harmless.push_back(pool.apply_async(twice, i));
        }
        BOOST_TEST_REQUIRE(task.wait_for(hang_limit), "seed " << seed);
        try {
            task.get();
        } catch (const mp::error&) { // worker_died, or its own result was spoilt
        }
    }
    unsigned died = 0;
    for (std::size_t i = 0; i != harmless.size(); ++i) {
        BOOST_TEST_REQUIRE(harmless[i].wait_for(hang_limit));
        try {
            BOOST_TEST(harmless[i].get() == 2 * static_cast<int>(i % 20));
        } catch (const mp::worker_died&) { // it was begun when the worker's end came to light
            ++died;
        }
    }
    BOOST_TEST(died <= 10U); // one for each hostile task
    BOOST_TEST(pool.apply(twice, 21) == 42);
}

/// The same while the pool is at rest: what is written while it is in the middle of an operation is another
/// matter. Costs the task itself and nothing else.
void check_at_rest(void (*hostile)(unsigned)) {
    mp::pool pool(1);
    for (unsigned seed = 1; seed != 11; ++seed) {
        BOOST_TEST(pool.apply(twice, 21) == 42);
        auto task = pool.apply_async(hostile, seed);
        BOOST_TEST_REQUIRE(task.wait_for(hang_limit), "seed " << seed);
        BOOST_CHECK_THROW(task.get(), mp::worker_died);
        for (int i = 0; i != 20; ++i) {
            BOOST_TEST(pool.apply(twice, i) == 2 * i);
        }
    }
}

void check_that_others_go_on(mp::pool& pool) {
    BOOST_TEST(ends(
        [&] {
            for (int i = 0; i != 100; ++i) {
                BOOST_TEST(pool.apply(twice, i) == 2 * i);
            }
        },
        [] {
            for (const auto child : children_of(::getpid())) {
                kill_process(child);
            }
        }));
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(hostile_bytes, leaves_nothing)

BOOST_AUTO_TEST_CASE(rubbish_on_the_socket) {
    check(write_to_sockets);
}

BOOST_AUTO_TEST_CASE(a_closed_socket) {
    check(close_sockets);
}

BOOST_AUTO_TEST_CASE(a_socket_shut_down) {
    check(shut_sockets_down);
}

BOOST_AUTO_TEST_CASE(rings_that_were_stolen) {
    check(empty_sockets);
}

BOOST_AUTO_TEST_CASE(rubbish_in_the_buffers) {
    check(write_to_buffers);
}

BOOST_AUTO_TEST_CASE(rubbish_in_the_control_block) {
    check(write_to_control_and_die);
}

BOOST_AUTO_TEST_CASE(rubbish_in_everything_that_is_shared) {
    check_at_rest(scribble_over_everything_shared);
}

BOOST_AUTO_TEST_CASE(zeros_and_ones_in_everything_that_is_shared) {
    check_at_rest(fill_everything_shared);
}

BOOST_AUTO_TEST_CASE(rubbish_in_everything_that_is_shared_by_one_who_stays) {
    mp::pool pool(1);
    BOOST_TEST(pool.apply(twice, 21) == 42);
    auto hostile = pool.apply_async({.timeout = 300ms}, scribble_and_stay, 1U);
    BOOST_CHECK_THROW(hostile.get(), mp::error); // worker_died or task_timed_out: whichever comes to light
    for (int i = 0; i != 100; ++i) {
        BOOST_TEST(pool.apply(twice, i) == 2 * i);
    }
}

BOOST_AUTO_TEST_CASE(small_numbers_where_counts_are_by_one_who_stays) {
    for (unsigned seed = 1; seed != 20; ++seed) {
        mp::pool pool(2);
        BOOST_TEST(pool.apply(twice, 21) == 42);
        auto hostile = pool.apply_async({.timeout = 100ms}, write_small_numbers_and_stay, seed);
        for (int i = 0; i != 100; ++i) {
            auto harmless = pool.apply_async({.max_retries = 1}, twice, i);
            BOOST_TEST_REQUIRE(harmless.wait_for(hang_limit), "seed " << seed);
            BOOST_TEST(harmless.get() == 2 * i);
        }
        BOOST_CHECK_THROW(hostile.get(), mp::error);
    }
}

BOOST_AUTO_TEST_CASE(strict_isolation_shares_nothing_that_can_be_written_to) {
    mp::pool pool({.processes = 1, .isolation = mp::isolation::strict});
    BOOST_TEST(pool.apply(count_shared_memory) == 0U);
    BOOST_TEST(mp::pool(1).apply(count_shared_memory) != 0U); // or else this shows nothing
}

BOOST_AUTO_TEST_CASE(strict_isolation_from_whatever_a_worker_writes) {
    for (const auto hostile : {write_to_sockets, close_sockets, shut_sockets_down, empty_sockets,
                               scribble_over_everything_shared, cut_memory_short}) {
        check(hostile, mp::isolation::strict);
    }
}

BOOST_AUTO_TEST_CASE(memory_that_is_cut_short) {
    check(cut_memory_short);
}

BOOST_AUTO_TEST_CASE(a_worker_that_rings_without_end_does_not_stop_the_others) {
    mp::pool pool(2);
    const scratch_file begun;
    auto hostile = pool.apply_async(ring_for_ever, begun.path());
    BOOST_TEST_REQUIRE(eventually([&] { return begun.exists(); }));
    check_that_others_go_on(pool);
}

BOOST_AUTO_TEST_CASE(a_worker_that_repeats_itself_without_end_dies_of_it) {
    for (const std::uint32_t kind : {4U, 6U, 7U}) { // ready, begun, printed
        mp::pool pool({.processes = 2, .isolation = mp::isolation::strict});
        const scratch_file begun;
        auto hostile = pool.apply_async(repeat_for_ever, kind, begun.path());
        BOOST_TEST_REQUIRE(eventually([&] { return begun.exists(); }));
        check_that_others_go_on(pool);
        const auto death = death_of(std::move(hostile));
        BOOST_TEST(death.exit_code() == -SIGKILL);
        BOOST_TEST(contains(death.what(), kind == 6U ? "began what it was not sent" : "makes no sense"),
                   death.what());
    }
}

BOOST_AUTO_TEST_CASE(a_worker_that_sends_results_without_end_does_not_keep_the_pool_from_ending) {
    mp::pool pool({.processes = 1, .isolation = mp::isolation::strict});
    const scratch_file begun;
    auto hostile = pool.apply_async(send_results_for_ever, begun.path());
    BOOST_TEST_REQUIRE(eventually([&] { return begun.exists(); }));
    BOOST_TEST(ends(
        [&] {
            pool.terminate();
            pool.join();
        },
        [&] {
            for (const auto child : children_of(::getpid())) {
                kill_process(child);
            }
        },
        8s));
    BOOST_CHECK_THROW(hostile.get(), mp::pool_terminated);
}

BOOST_AUTO_TEST_CASE(a_worker_that_sends_descriptors_does_not_use_up_the_parents) {
    mp::pool pool(1);
    pool.apply(twice, 1);
    const auto before = open_descriptors();
    const scratch_file sent;
    auto hostile = pool.apply_async(send_descriptors, sent.path(), 2'000U);
    BOOST_TEST_REQUIRE(eventually([&] { return sent.exists() || hostile.ready(); }));
    BOOST_TEST(open_descriptors() < before + 200);
}

BOOST_AUTO_TEST_SUITE_END()
