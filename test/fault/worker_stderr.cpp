// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// What workers write to stderr: an error tells the end of it, all of it is forwarded, and nobody waits but
// who writes.
#include "support/captured_stderr.hpp"
#include "support/fault.hpp"
#include "support/leaves_nothing.hpp"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <poll.h>

using namespace fault;

namespace {

// What tasks do.

int die_of(int signal) {
    std::raise(signal);
    return 0;
}
int write_and_die(const std::string& text) {
    std::fputs(text.c_str(), stderr);
    return die_of(SIGKILL);
}
/// "<label> 0", "<label> 1"... a line each; the last one without its end.
int write_lines(char label, int count) {
    for (int i = 0; i != count; ++i) {
        std::fprintf(stderr, "%c %d%s", label, i, i + 1 == count ? "" : "\n");
    }
    return count;
}
int write_without_end(const std::string& begun) {
    std::ofstream(begun).put('x');
    for (;;) {
        std::fputs("and so on\n", stderr);
    }
}
int close_stderr(int n) {
    ::close(STDERR_FILENO);
    return n;
}
/// What stays behind holds the worker's stderr open.
int leave_a_child_and_die(const std::string& pid_file) {
    const auto left = ::fork();
    if (left == 0) {
        for (;;) {
            ::pause();
        }
    }
    std::ofstream(pid_file + ".part") << left;
    std::filesystem::rename(pid_file + ".part", pid_file);
    std::fputs("leaving one behind\n", stderr);
    return die_of(SIGKILL);
}

/// This process's stderr is a pipe while it exists.
class stderr_pipe {
public:
    stderr_pipe() : original_(::dup(STDERR_FILENO)) {
        if (::pipe2(ends_, O_CLOEXEC) != 0 || ::dup2(ends_[1], STDERR_FILENO) < 0) {
            throw std::runtime_error("cannot make a pipe");
        }
    }
    ~stderr_pipe() {
        restore();
        ::close(ends_[0]);
    }
    stderr_pipe(const stderr_pipe&) = delete;
    stderr_pipe& operator=(const stderr_pipe&) = delete;

    /// Until it takes nothing more.
    void fill() const {
        pollfd writable{STDERR_FILENO, POLLOUT, 0};
        while (::poll(&writable, 1, 0) == 1 && (writable.revents & POLLOUT) != 0) {
            (void)!::write(STDERR_FILENO, std::string(1'000, '.').c_str(), 1'000);
        }
    }
    /// What comes until nobody can write any more, which is after `restore`.
    [[nodiscard]] std::string read_all() const {
        std::string text;
        char part[1'000];
        for (auto got = ::read(ends_[0], part, sizeof part); got > 0;
             got = ::read(ends_[0], part, sizeof part)) {
            text.append(part, static_cast<std::size_t>(got));
        }
        return text;
    }
    void restore() {
        if (original_ >= 0) {
            ::dup2(original_, STDERR_FILENO);
            ::close(original_);
            ::close(ends_[1]);
            original_ = -1;
        }
    }

private:
    int original_;
    int ends_[2] = {-1, -1};
};

/// All lines of one label, in order, and nothing of them twice.
bool has_all_lines(const std::string& text, char label, int count) {
    int next = 0;
    for (const auto& line : lines_of(text)) {
        if (!line.empty() && line[0] == label) {
            if (line != std::string(1, label) + " " + std::to_string(next++)) {
                return false;
            }
        }
    }
    return next == count;
}

/// Exit codes of the experiments, which run in processes of their own.
enum verdict { as_promised = 0, wrong_value = 3, wrong_text = 4, wrong_descriptor = 5, outlived = 6 };

void work_without_stderr() {
    ::close(STDERR_FILENO);
    {
        mp::pool pool(2);
        if (::fcntl(STDERR_FILENO, F_GETFD) != -1) {
            ::_exit(wrong_descriptor); // what a worker writes goes into something of the library's
        }
        if (pool.apply(write_lines, 'a', 1'000) != 1'000 || pool.apply(twice, 21) != 42) {
            ::_exit(wrong_value);
        }
        try {
            pool.apply(write_and_die, std::string("the end"));
            ::_exit(outlived);
        } catch (const mp::worker_died& e) {
            if (!contains(e.details().last_output, "the end")) {
                ::_exit(wrong_text);
            }
        }
    }
    ::_exit(::fcntl(STDERR_FILENO, F_GETFD) == -1 ? as_promised : wrong_descriptor);
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(worker_stderr, leaves_nothing)

BOOST_AUTO_TEST_CASE(a_last_line_without_an_end_is_told) {
    mp::pool pool(1);
    const auto death = death_of(pool.apply_async(write_and_die, std::string("\nfirst\n\nunfinished")));
    BOOST_TEST(death.details().last_output == "\nfirst\n\nunfinished");
    BOOST_TEST(std::string(death.what()).ends_with("\n    first\n    \n    unfinished"), death.what());
}

BOOST_AUTO_TEST_CASE(of_much_output_the_end_is_told) {
    std::string text;
    for (int i = 0; i != 10'000; ++i) {
        text += "line " + std::to_string(i) + "\n";
    }
    const captured_stderr hidden;
    mp::pool pool(1);
    const auto death = death_of(pool.apply_async(write_and_die, text));
    BOOST_TEST(death.details().last_output == text.substr(text.size() - 4096));
    BOOST_TEST(std::string(death.what()).ends_with("\n    line 9998\n    line 9999"), death.what());
    BOOST_TEST(!contains(death.what(), "line 9989"), death.what());
}

BOOST_AUTO_TEST_CASE(what_a_terminal_would_obey_is_not_in_the_text) {
    const captured_stderr hidden;
    mp::pool pool(1);
    const auto death = death_of(pool.apply_async(write_and_die, std::string("\33[31mred\ttab\r\n")));
    BOOST_TEST(death.details().last_output == "\33[31mred\ttab\r\n");
    BOOST_TEST(std::string(death.what()).ends_with("\n    ?[31mred\ttab?"), death.what());
}

BOOST_AUTO_TEST_CASE(what_workers_write_is_forwarded_whole_and_in_order) {
    constexpr int count = 30'000;
    captured_stderr printed;
    {
        mp::pool pool(2);
        auto first = pool.apply_async(write_lines, 'a', count);
        auto second = pool.apply_async(write_lines, 'b', count);
        BOOST_TEST(first.get() == count);
        BOOST_TEST(second.get() == count);
        pool.close();
        pool.join();
    }
    auto text = printed.text();
    for (const char* last :
         {"a 29999", "b 29999"}) { // have no end: what comes behind them is in the same line
        const auto at = text.find(last);
        BOOST_TEST_REQUIRE(at != std::string::npos);
        text.insert(at + std::strlen(last), "\n");
    }
    BOOST_TEST(has_all_lines(text, 'a', count));
    BOOST_TEST(has_all_lines(text, 'b', count));
    const auto lines = lines_of(text);
    BOOST_TEST(std::ranges::count_if(lines, [](const auto& line) { return !line.empty(); }) == 2 * count);
}

BOOST_AUTO_TEST_CASE(what_a_task_writes_is_there_before_its_future_is_complete) {
    mp::pool pool(1);
    for (int round = 0; round != 100; ++round) {
        captured_stderr printed;
        BOOST_TEST(pool.apply(write_lines, 'a', 3) == 3);
        BOOST_TEST(printed.text() == "a 0\na 1\na 2");
    }
}

BOOST_AUTO_TEST_CASE(while_stderr_takes_nothing_only_who_writes_waits) {
    stderr_pipe nobody_reads;
    BOOST_TEST(ends(
        [] {
            mp::pool pool(2);
            const scratch_file begun;
            auto writer = pool.apply_async(write_without_end, begun.path());
            BOOST_TEST(eventually([&] { return begun.exists(); }));
            for (int i = 0; i != 100; ++i) {
                BOOST_TEST(pool.apply(twice, i) == 2 * i);
            }
            BOOST_TEST(!writer.ready());
        },
        [&] {
            nobody_reads.restore();
            for (const auto child : children_of(::getpid())) {
                kill_process(child);
            }
        }));
}

BOOST_AUTO_TEST_CASE(a_worker_that_writes_without_end_does_not_stop_the_others) {
    const captured_stderr hidden; // takes all
    mp::pool pool(2);
    const scratch_file begun;
    auto writer = pool.apply_async(write_without_end, begun.path());
    BOOST_TEST_REQUIRE(eventually([&] { return begun.exists(); }));
    for (int i = 0; i != 100; ++i) {
        BOOST_TEST(pool.apply(twice, i) == 2 * i);
    }
    pool.terminate();
}

BOOST_AUTO_TEST_CASE(what_a_worker_has_left_is_forwarded_when_stderr_takes_it) {
    constexpr int count = 2'000;
    stderr_pipe full;
    full.fill();
    std::string text;
    std::thread reader;
    {
        mp::pool pool(1);
        BOOST_TEST(pool.apply(write_lines, 'a', count) == count);
        pool.close();
        BOOST_TEST(eventually([&] { return pool.pids().empty(); }));
        reader = std::thread([&] { text = full.read_all(); });
        pool.join();
    }
    full.restore();
    reader.join();
    text.erase(0, text.find_first_not_of('.'));
    BOOST_TEST(has_all_lines(text, 'a', count));
}

BOOST_AUTO_TEST_CASE(workers_die_while_stderr_takes_nothing) {
    stderr_pipe full;
    full.fill();
    BOOST_TEST(ends(
        [] {
            mp::pool pool(2);
            for (int i = 0; i != 100; ++i) {
                const auto death = death_of(pool.apply_async(write_and_die, "death " + std::to_string(i)));
                BOOST_TEST(death.details().last_output == "death " + std::to_string(i));
            }
        },
        [&] { full.restore(); }));
}

BOOST_AUTO_TEST_CASE(a_parent_without_stderr_has_workers_that_work) {
    mp::process child(work_without_stderr);
    child.start();
    BOOST_TEST_REQUIRE(child.join_for(hang_limit));
    BOOST_TEST(child.exit_code().value() == as_promised);
}

BOOST_AUTO_TEST_CASE(a_worker_that_closes_its_stderr_works_on) {
    mp::pool pool(1);
    BOOST_TEST(pool.apply(close_stderr, 5) == 5);
    BOOST_TEST(pool.apply(twice, 21) == 42);
    BOOST_TEST(death_of(pool.apply_async(die_of, SIGKILL)).details().last_output == "");
}

BOOST_AUTO_TEST_CASE(a_process_left_behind_with_the_workers_stderr_holds_nobody_up) {
    const scratch_file left;
    {
        mp::pool pool(1);
        auto task = pool.apply_async(leave_a_child_and_die, left.path());
        BOOST_TEST_REQUIRE(task.wait_for(hang_limit));
        BOOST_TEST(death_of(std::move(task)).details().last_output == "leaving one behind\n");
        BOOST_TEST(pool.apply(twice, 21) == 42);
    }
    long pid = 0;
    std::ifstream(left.path()) >> pid;
    kill_process(pid);
}

BOOST_AUTO_TEST_SUITE_END()
