// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// /dev/shm is full, or read-only. That is a typed error and no SIGBUS, leaves nothing behind, and passes.
#include "support/leaves_nothing.hpp"
#include "support/scarce.hpp"

#include <algorithm>
#include <csignal>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

using namespace scarce;

namespace {

constexpr std::size_t page = 4096;

void write_to(const char* file, const std::string& text) {
    std::ofstream(file) << text;
}

/// A /dev/shm of this process's own. Root makes a mount namespace for it, everybody else a user namespace as
/// well, in which he is root. Where neither is allowed, a limit on the size of files stands in for it.
class own_shared_memory {
public:
    own_shared_memory() {
        const auto user = std::to_string(::geteuid());
        const auto group = std::to_string(::getegid());
        if (::unshare(CLONE_NEWNS) != 0) {
            if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) {
                ::signal(SIGXFSZ, SIG_IGN); // a typed error instead
                return;
            }
            write_to("/proc/self/setgroups", "deny");
            write_to("/proc/self/uid_map", "0 " + user + " 1");
            write_to("/proc/self/gid_map", "0 " + group + " 1");
        }
        ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr); // else others would see it too
        is_mounted_ = ::mount("tmpfs", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777") == 0;
    }

    void allow(std::size_t size) const {
        if (is_mounted_) {
            const auto options = "mode=1777,size=" + std::to_string(size);
            expect(::mount("tmpfs", "/dev/shm", "tmpfs", MS_REMOUNT | MS_NOSUID | MS_NODEV,
                           options.c_str()) == 0,
                   never_worked, "cannot change the size of /dev/shm");
        } else {
            scarce::allow(RLIMIT_FSIZE, size);
        }
    }
    void allow_enough() const {
        if (is_mounted_) {
            allow(std::size_t{64} << 20);
        } else {
            scarce::allow_all(RLIMIT_FSIZE);
        }
    }
    void make_read_only() const {
        if (is_mounted_) {
            expect(::mount("tmpfs", "/dev/shm", "tmpfs", MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV,
                           "mode=1777") == 0,
                   never_worked, "cannot make /dev/shm read-only");
        } else {
            allow(0);
        }
    }
    /// Whether there is room for exactly what was allowed, and others have no part in it.
    [[nodiscard]] bool is_own() const { return is_mounted_; }
    /// Fills what room there is but for so many bytes, at least.
    void fill_but_for(std::size_t bytes) const {
        if (is_mounted_) {
            const auto filling = std::filesystem::space("/dev/shm").available - bytes;
            std::ofstream(ballast) << std::string(filling, 'x');
        } else {
            allow(0);
        }
    }
    void make_room() const {
        std::filesystem::remove(ballast);
        allow_enough();
    }

private:
    static constexpr const char* ballast = "/dev/shm/ballast";
    bool is_mounted_ = false;
};

/// Runs the experiment in a copy of this process with a /dev/shm of its own: threads, which this one has, are
/// not let into another user namespace.
template <void (*Experiment)(const own_shared_memory&)>
void apart() {
    const auto copy = ::fork();
    if (copy == 0) {
        Experiment(own_shared_memory());
        ::_exit(never_worked);
    }
    int status = 0;
    ::waitpid(copy, &status, 0);
    if (WIFSIGNALED(status)) {
        end(wrong_error, "killed by signal " + std::to_string(WTERMSIG(status)));
    }
    ::_exit(WEXITSTATUS(status));
}

/// Runs `attempt` with ever more room, from next to none to enough, and checks what each failure leaves.
template <class Attempt>
void with_ever_more_room(const own_shared_memory& memory, std::size_t step, const Attempt& attempt) {
    const auto descriptors = open_descriptors();
    for (std::size_t room = page; room < (std::size_t{8} << 20); room += step) {
        const auto context = "with " + std::to_string(room) + " bytes";
        memory.allow(room);
        const bool worked = succeeds(attempt, context);
        memory.allow_enough();
        expect_nothing_left(descriptors, context);
        if (worked) {
            ::_exit(as_promised);
        }
    }
}

void use_queues(const own_shared_memory& memory) {
    with_ever_more_room(memory, page, [] {
        mp::queue<std::string> queue({.capacity = 64, .message_size = 512});
        for (int i = 0; i != 64; ++i) {
            queue.put(std::string(500, 'x')); // every page is touched
        }
        for (int i = 0; i != 64; ++i) {
            expect(queue.get().size() == 500, wrong_value, "another value came out");
        }
        queue.put(std::string(100'000, 'x'));
        expect(queue.get().size() == 100'000, wrong_value, "another large value came out");
    });
}

/// Values beside the queue use up the room.
void fill_a_queue(const own_shared_memory& memory) {
    memory.allow_enough();
    mp::queue<std::string> queue({.capacity = 1'000, .message_size = 64});
    memory.fill_but_for(99 * page);
    std::size_t values = 0;
    while (values != 1'000 &&
           succeeds([&] { queue.put(std::string(10 * page, 'x')); }, "a value beside the queue")) {
        ++values;
    }
    expect(values < 10, ran_all_the_same, "values were put that there is no room for");
    expect(queue.size() == values, wrong_value, "what was not put is in the queue");
    for (; values != 0; --values) {
        expect(queue.get() == std::string(10 * page, 'x'), wrong_value, "another value came out");
    }
    memory.make_room();
    queue.put(std::string(10 * page, 'x'));
    expect(queue.get().size() == 10 * page, wrong_value, "the queue does not work any more");
    ::_exit(as_promised);
}

/// What a queue keeps is no room for others, but for the queue itself.
void fill_with_one_value(const own_shared_memory& memory) {
    if (memory.is_own()) {
        memory.allow_enough();
        mp::queue<std::string> queue(1);
        queue.put(std::string(5 << 20, 'x'));
        expect(queue.get().size() == 5 << 20, wrong_value, "another value came out");
        const auto room = std::filesystem::space("/dev/shm").available + (4 << 20);
        queue.put(std::string(room, 'y'));
        expect(queue.get() == std::string(room, 'y'), wrong_value, "another value came out");
        queue.put(std::string(5 << 20, 'z'));
        expect(queue.get() == std::string(5 << 20, 'z'), wrong_value, "another value came out");
    }
    ::_exit(as_promised);
}

void use_arrays(const own_shared_memory& memory) {
    with_ever_more_room(memory, 16 * page, [] {
        const mp::shared_array<char> array(100 * page);
        std::ranges::fill(array, 'x'); // every page is touched
        const mp::shared_array<char> copy(array.span());
        expect(std::ranges::equal(copy, array), wrong_value, "another value came out");
    });
}

/// There is room for one of them only. Workers have them mapped, and do not keep their memory.
void use_one_array_after_the_other(const own_shared_memory& memory) {
    if (memory.is_own()) {
        memory.allow_enough();
        mp::pool pool(2);
        for (int i = 0; i != 20; ++i) {
            const mp::shared_array<char> array(std::size_t{40} << 20);
            array[array.size() - 1] = 'x';
            const auto last = pool.apply([](const mp::shared_array<char>& a) { return a.end()[-1]; }, array);
            expect(last == 'x', wrong_value, "another value is seen");
        }
    }
    ::_exit(as_promised);
}

/// Whatever happens to a pool, it needs nothing there.
void use_a_pool_without_room(const own_shared_memory& memory) {
    if (memory.is_own()) {
        memory.make_read_only();
        mp::pool pool(2);
        expect(pool.apply(twice, 21) == 42, wrong_value, "a pool does not work");
        kill_process(pool.pids().front());
        expect(eventually([&] { return pool.stats().restarts == 1; }), never_worked,
               "a worker is not replaced");
        const std::string large(1'000'000, 'x');
        expect(pool.apply([](const std::string& text) { return text; }, large) == large, wrong_value,
               "another large value came out");
    }
    ::_exit(as_promised);
}

void go_read_only(const own_shared_memory& memory) {
    memory.make_read_only();
    expect(!succeeds([] { const mp::queue<int> queue(1); }, "a queue"), ran_all_the_same, "a queue was made");
    expect(!succeeds([] { const mp::shared_array<int> array(1); }, "an array"), ran_all_the_same,
           "an array was made");
    memory.allow_enough();
    mp::queue<int> queue(1);
    queue.put(1);
    expect(queue.get() == 1, wrong_value, "a queue does not work afterwards");
    ::_exit(as_promised);
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(scarce_shared_memory, leaves_nothing)

BOOST_AUTO_TEST_CASE(a_queue_works_or_fails_cleanly_with_any_amount_of_room) {
    check(apart<use_queues>);
}

BOOST_AUTO_TEST_CASE(values_that_there_is_no_room_for_are_not_put) {
    check(apart<fill_a_queue>);
}

BOOST_AUTO_TEST_CASE(what_a_queue_keeps_makes_room_for_its_next_value) {
    check(apart<fill_with_one_value>);
}

BOOST_AUTO_TEST_CASE(an_array_is_made_or_fails_cleanly_with_any_amount_of_room) {
    check(apart<use_arrays>);
}

BOOST_AUTO_TEST_CASE(an_array_that_nobody_uses_is_in_nobodys_way) {
    check(apart<use_one_array_after_the_other>);
}

BOOST_AUTO_TEST_CASE(a_pool_needs_no_room) {
    check(apart<use_a_pool_without_room>);
}

BOOST_AUTO_TEST_CASE(read_only_memory_is_an_error_of_whoever_makes_something_there) {
    check(apart<go_read_only>);
}

BOOST_AUTO_TEST_SUITE_END()
