// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <multiprocessing.hpp>

#include <algorithm>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <new>
#include <set>
#include <signal.h>
#include <spawn.h>
#include <sstream>
#include <stdexcept>
#include <string>
#include <sys/mman.h>
#include <sys/wait.h>
#include <thread>
#include <type_traits>
#include <unistd.h>
#include <vector>

/// What the fault tests share: looking at processes from outside, and memory that outlives any of them.
namespace fault {

namespace mp = multiprocessing;
using namespace std::chrono_literals;

/// Nothing here takes nearly so long; what takes longer hangs.
inline constexpr auto hang_limit = 60s;

/// Waits until `condition` holds; false when it never did.
template <class Condition>
bool eventually(const Condition& condition, std::chrono::milliseconds limit = hang_limit) {
    for (const auto end = std::chrono::steady_clock::now() + limit; !condition();) {
        if (std::chrono::steady_clock::now() > end) {
            return false;
        }
        std::this_thread::sleep_for(1ms);
    }
    return true;
}

/// A process as /proc shows it; `state` is 0 when there is none.
struct process_view {
    char state = 0;
    long parent = 0;
    std::uint64_t start_time = 0;
};

inline process_view look_at(long pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    std::string line;
    std::getline(file, line);
    process_view view;
    const auto command_end = line.rfind(')'); // the command itself may hold spaces and parentheses
    if (command_end == std::string::npos) {
        return view;
    }
    std::istringstream fields(line.substr(command_end + 1));
    fields >> view.state >> view.parent;
    std::string skipped;
    for (int field = 5; field != 22; ++field) {
        fields >> skipped;
    }
    fields >> view.start_time;
    return view;
}

/// A process, told apart from a later one with the same id.
struct identity {
    long pid = 0;
    std::uint64_t start_time = 0;

    explicit identity(long id) : pid(id), start_time(look_at(id).start_time) {}
    /// A zombie does not run.
    [[nodiscard]] bool runs() const {
        const auto now = look_at(pid);
        return now.state != 0 && now.state != 'Z' && now.state != 'X' && now.start_time == start_time;
    }
};

inline bool runs(long pid) {
    return identity(pid).runs();
}

inline std::vector<long> children_of(long parent) {
    std::vector<long> children;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        const auto name = entry.path().filename().string();
        if (name.find_first_not_of("0123456789") == std::string::npos &&
            look_at(std::stol(name)).parent == parent) {
            children.push_back(std::stol(name));
        }
    }
    return children;
}

/// Children, their children and so on.
inline std::vector<identity> descendants_of(long ancestor) {
    std::vector<identity> found;
    for (const auto child : children_of(ancestor)) {
        found.emplace_back(child);
        const auto further = descendants_of(child);
        found.insert(found.end(), further.begin(), further.end());
    }
    return found;
}

/// Names in /dev/shm that were made by the process.
inline std::set<std::string> names_of(long pid) {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator("/dev/shm")) {
        const auto name = entry.path().filename().string();
        if (name.starts_with("multiprocessing-") &&
            name.find("-" + std::to_string(pid) + "-") != std::string::npos) {
            names.insert(name);
        }
    }
    return names;
}

/// A size of values for which a queue keeps no memory.
inline std::size_t larger_than_kept() {
    const std::size_t part = std::filesystem::space("/dev/shm").capacity / 8;
    return std::min(std::size_t{64} << 20, part) + 1;
}

inline void kill_process(long pid, int signal = SIGKILL) {
    ::kill(static_cast<pid_t>(pid), signal);
}

/// How soon those end whose parent has: the promise is a second; a loaded machine gets more.
inline constexpr auto gone_within = 5s;

/// And ends those that are still there.
inline void check_that_they_are_gone(const std::vector<identity>& family) {
    BOOST_TEST(eventually([&] { return std::ranges::none_of(family, &identity::runs); }, gone_within));
    for (const auto& each : family) {
        if (each.runs()) {
            const auto about = "/proc/" + std::to_string(each.pid);
            std::string name;
            std::string waits_in;
            std::getline(std::ifstream(about + "/comm"), name);
            std::getline(std::ifstream(about + "/wchan"), waits_in);
            BOOST_TEST_MESSAGE("still there: " << each.pid << " " << name << ", " << look_at(each.pid).state
                                               << " in " << waits_in);
            kill_process(each.pid);
        }
    }
}

/// For test cases that fork at any instant. Before LLVM 18 the address sanitizer's own locks, when another
/// thread has them at that instant, stay locked in a copy, which then may hang in its first `malloc` or in
/// the leak check. In the thread sanitizer's eyes the original's threads go on in a copy, and others cannot
/// be started beside them.
inline boost::test_tools::assertion_result forks_beside_threads_are_sound(boost::unit_test::test_unit_id) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    boost::test_tools::assertion_result sound(false);
    sound.message() << "the sanitizer does not survive them";
    return sound;
#else
    return true;
#endif
}

// What tasks do in many tests.

inline int twice(int n) {
    return 2 * n;
}
inline long own_pid() {
    return ::getpid();
}
[[noreturn]] inline void stay() {
    for (;;) {
        ::pause();
    }
}

inline bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

inline std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) {
        lines.push_back(line);
    }
    return lines;
}

/// The error of a task whose worker died.
template <class R>
mp::worker_died death_of(mp::future<R> task) {
    if (!task.wait_for(hang_limit)) {
        throw std::runtime_error("the task hangs");
    }
    try {
        task.get();
    } catch (const mp::worker_died& e) {
        return e;
    }
    throw std::runtime_error("the task outlived its worker");
}

/// A file that does not exist yet, gone at the end of the scope. Its path is what tasks get.
class scratch_file {
public:
    scratch_file() {
        static std::atomic<unsigned> last{0};
        path_ = (std::filesystem::temp_directory_path() /
                 ("multiprocessing-fault-" + std::to_string(::getpid()) + "." + std::to_string(++last)))
                    .string();
        std::filesystem::remove(path_);
    }
    ~scratch_file() { std::filesystem::remove(path_); }
    scratch_file(const scratch_file&) = delete;
    scratch_file& operator=(const scratch_file&) = delete;

    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    [[nodiscard]] bool exists() const { return std::filesystem::exists(path_); }
    void create() const { std::ofstream(path_).put('x'); }

private:
    std::string path_;
};

/// Waits, in a task, for the test to create a file, or for the test to lose interest.
inline void wait_for_file(const std::string& path) {
    while (!std::filesystem::exists(path)) {
        std::this_thread::sleep_for(1ms);
    }
}

/// Memory shared through a file: survives whoever writes to it, and can be looked at by everybody. All bytes
/// are zero at first.
template <class T>
class shared {
    static_assert(std::is_trivially_destructible_v<T>);

public:
    explicit shared(const std::string& path) {
        const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (file < 0 || ::ftruncate(file, sizeof(T)) != 0) {
            throw std::runtime_error("cannot open " + path);
        }
        memory_ = ::mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        ::close(file);
        if (memory_ == MAP_FAILED) {
            throw std::runtime_error("cannot map " + path);
        }
    }
    ~shared() { ::munmap(memory_, sizeof(T)); }
    shared(const shared&) = delete;
    shared& operator=(const shared&) = delete;

    T* operator->() const noexcept { return static_cast<T*>(memory_); }
    T& operator*() const noexcept { return *static_cast<T*>(memory_); }

private:
    void* memory_ = nullptr;
};

/// Runs `action` on a thread of its own; whether it ended. If it hangs, `rescue` is to free it.
template <class Action, class Rescue>
bool ends(const Action& action, const Rescue& rescue, std::chrono::milliseconds limit = 20s) {
    std::atomic<bool> ended{false};
    std::thread runner([&] {
        action();
        ended = true;
    });
    const bool in_time = eventually([&] { return ended.load(); }, limit);
    if (!in_time) {
        rescue();
    }
    runner.join();
    return in_time;
}

/// A program that uses the library starts, which removes names that belong to nobody alive.
inline void start_a_program() {
    char name[] = "fault_tests";
    char version[] = "--version";
    char* arguments[] = {name, version, nullptr};
    posix_spawn_file_actions_t silence;
    ::posix_spawn_file_actions_init(&silence);
    ::posix_spawn_file_actions_addopen(&silence, 1, "/dev/null", O_WRONLY, 0);
    ::posix_spawn_file_actions_addopen(&silence, 2, "/dev/null", O_WRONLY, 0);
    pid_t pid = 0;
    BOOST_TEST_REQUIRE(::posix_spawn(&pid, "/proc/self/exe", &silence, nullptr, arguments, ::environ) == 0);
    ::posix_spawn_file_actions_destroy(&silence);
    ::waitpid(pid, nullptr, 0);
}

} // namespace fault
