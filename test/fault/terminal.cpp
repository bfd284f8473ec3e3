// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// A family at a terminal: Ctrl-C, the terminal's end and a signal to the parent end all of it, without a word
// from those that have nothing to say.
#include "support/fault.hpp"
#include "support/leaves_nothing.hpp"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <poll.h>
#include <sstream>
#include <sys/ioctl.h>

using namespace fault;

namespace {

constexpr char ctrl_c = '\x03';

/// The end of a pseudo-terminal at which its user sits.
class pseudo_terminal {
public:
    pseudo_terminal() : user_(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)) {
        if (user_ < 0 || ::grantpt(user_) != 0 || ::unlockpt(user_) != 0) {
            throw std::runtime_error("cannot open a pseudo-terminal");
        }
    }
    ~pseudo_terminal() { close(); }
    pseudo_terminal(const pseudo_terminal&) = delete;
    pseudo_terminal& operator=(const pseudo_terminal&) = delete;

    /// What programs open.
    [[nodiscard]] std::string path() const {
        char name[64];
        return ::ptsname_r(user_, name, sizeof name) == 0 ? name : "";
    }

    void type(char key) { BOOST_TEST(::write(user_, &key, 1) == 1); }
    void close() {
        if (user_ >= 0) {
            ::close(std::exchange(user_, -1));
        }
    }

    /// Reads on until the text has been shown; false when it never was.
    bool shows(const std::string& text) {
        return read_until([&] { return shown_.find(text) != std::string::npos; });
    }
    /// Reads on until nobody has the terminal open any more; false when somebody keeps it.
    bool is_left() {
        return read_until([] { return false; });
    }
    /// All that has been read.
    [[nodiscard]] const std::string& shown() const noexcept { return shown_; }

private:
    template <class Condition>
    bool read_until(const Condition& condition) {
        for (const auto end = std::chrono::steady_clock::now() + hang_limit; !condition();) {
            pollfd entry{user_, POLLIN, 0};
            if (std::chrono::steady_clock::now() > end) {
                return false;
            }
            if (::poll(&entry, 1, 100) <= 0) {
                continue;
            }
            char text[256];
            const auto size = ::read(user_, text, sizeof text);
            if (size <= 0) {
                return !condition() && errno == EIO; // nobody has it open
            }
            shown_.append(text, static_cast<std::size_t>(size));
        }
        return true;
    }

    int user_;
    std::string shown_;
};

void be_busy() {
    for (std::atomic<unsigned> turns{0};; ++turns) {
    }
}
void print(const std::string& text) {
    std::puts(text.c_str());
}

/// Makes this process the leader of a session at the terminal, as a login shell's child is.
void sit_at(const std::string& path) {
    const int program = ::setsid() > 0 ? ::open(path.c_str(), O_RDWR) : -1;
    if (program < 0 || ::ioctl(program, TIOCSCTTY, 0) != 0) {
        throw std::runtime_error("cannot get a terminal of its own");
    }
    for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        ::dup2(program, stream);
    }
    ::close(program);
}

/// A pool whose workers are busy, one that is idle, and processes that are busy and idle. Never destroyed.
struct family {
    mp::pool busy_pool{2};
    mp::pool idle_pool{2};
    mp::process busy{be_busy};
    mp::process idle{stay};
};
constexpr std::size_t family_size = 6;

family& have_a_family() {
    auto& all = *new family;
    all.busy.start();
    all.idle.start();
    all.idle_pool.apply(print, "said by a worker");
    all.idle_pool.apply(twice, 1);
    (void)all.busy_pool.apply_async(be_busy);
    (void)all.busy_pool.apply_async(stay);
    eventually([] { return descendants_of(::getpid()).size() == family_size; });
    return all;
}

void be_a_parent(const std::string& path) {
    sit_at(path);
    have_a_family();
    std::puts("ready");
    std::fflush(stdout);
    stay();
}

volatile std::sig_atomic_t interrupted = 0;

/// One that makes something else of Ctrl-C.
void be_a_parent_that_goes_on(const std::string& path) {
    sit_at(path);
    auto& all = have_a_family();
    const auto workers = all.idle_pool.pids();
    std::signal(SIGINT, [](int) { interrupted = 1; });
    std::puts("ready");
    std::fflush(stdout);
    while (interrupted == 0) {
        std::this_thread::sleep_for(1ms);
    }
    const bool same = all.idle_pool.apply(twice, 21) == 42 && all.idle_pool.pids() == workers;
    std::puts(same ? "goes on" : "lost its workers");
    std::fflush(stdout);
    ::_exit(0);
}

/// What has been shown after the mark, line by line, without what the terminal itself shows of a key.
std::vector<std::string> lines_after(const std::string& mark, const std::string& shown) {
    std::istringstream text(shown.substr(shown.find(mark) + mark.size()));
    std::vector<std::string> lines;
    for (std::string line; std::getline(text, line);) {
        std::erase(line, '\r');
        if (line.starts_with("^C")) {
            line.erase(0, 2);
        }
        if (!line.empty()) {
            lines.push_back(line);
        }
    }
    return lines;
}

struct sitting {
    explicit sitting(void (*parent_function)(const std::string&)) : parent(parent_function, screen.path()) {
        parent.start();
        BOOST_TEST_REQUIRE(screen.shows("ready"), "shown: " << screen.shown());
        members = descendants_of(parent.pid());
        BOOST_TEST(members.size() == family_size);
        BOOST_TEST(screen.shown().find("said by a worker") != std::string::npos);
    }
    ~sitting() {
        BOOST_TEST(parent.join_for(hang_limit));
        check_that_they_are_gone(members);
    }
    sitting(const sitting&) = delete;
    sitting& operator=(const sitting&) = delete;

    pseudo_terminal screen;
    mp::process parent;
    std::vector<identity> members;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(terminal, leaves_nothing)

BOOST_AUTO_TEST_CASE(ctrl_c_ends_the_family_with_one_message_at_most) {
    sitting it(be_a_parent);
    it.screen.type(ctrl_c);
    BOOST_TEST(it.screen.is_left());
    BOOST_TEST(lines_after("ready", it.screen.shown()).size() <= 1U, "shown: " << it.screen.shown());
    it.parent.join();
    BOOST_TEST(it.parent.exit_code().value_or(0) == -SIGINT);
}

BOOST_AUTO_TEST_CASE(ctrl_c_typed_again_and_again_ends_the_family_no_louder) {
    sitting it(be_a_parent);
    for (int i = 0; i != 5; ++i) {
        it.screen.type(ctrl_c);
    }
    BOOST_TEST(it.screen.is_left());
    BOOST_TEST(lines_after("ready", it.screen.shown()).size() <= 1U, "shown: " << it.screen.shown());
}

BOOST_AUTO_TEST_CASE(a_parent_that_handles_ctrl_c_keeps_its_workers) {
    sitting it(be_a_parent_that_goes_on);
    it.screen.type(ctrl_c);
    BOOST_TEST(it.screen.is_left());
    const auto lines = lines_after("ready", it.screen.shown());
    BOOST_TEST(lines == std::vector<std::string>{"goes on"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_parent_that_is_terminated_takes_its_family_along_in_silence) {
    sitting it(be_a_parent);
    it.parent.terminate();
    BOOST_TEST(it.screen.is_left());
    BOOST_TEST(lines_after("ready", it.screen.shown()).empty(), "shown: " << it.screen.shown());
    it.parent.join();
    BOOST_TEST(it.parent.exit_code().value_or(0) == -SIGTERM);
}

BOOST_AUTO_TEST_CASE(a_terminal_that_goes_takes_the_family_along) {
    sitting it(be_a_parent);
    it.screen.close();
    it.parent.join();
    BOOST_TEST(it.parent.exit_code().value_or(0) == -SIGHUP);
}

BOOST_AUTO_TEST_SUITE_END()
