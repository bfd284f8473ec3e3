// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <thread>
#include <unistd.h>

/// Fixture of every test case: afterwards there is no child, zombie, descriptor, thread or name in /dev/shm
/// that was not there before.
class leaves_nothing {
public:
    ~leaves_nothing() {
        // A thread that was joined, and a process that was reaped, take the kernel a moment to disappear.
        auto after = inventory();
        for (const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
             after != before_ && std::chrono::steady_clock::now() < deadline; after = inventory()) {
            std::this_thread::yield();
        }
        BOOST_TEST(after.descriptors == before_.descriptors, boost::test_tools::per_element());
        BOOST_TEST(after.threads == before_.threads);
        BOOST_TEST(after.children == before_.children, boost::test_tools::per_element());
        BOOST_TEST(after.names == before_.names, boost::test_tools::per_element());
    }

private:
    struct things {
        std::set<std::string> descriptors; // "7 -> socket:[123]"
        std::size_t threads = 0;
        std::set<std::string> children; // pids, zombies included
        std::set<std::string> names;    // in /dev/shm, made by this process
        bool operator==(const things&) const = default;
    };

    static things inventory() {
        namespace fs = std::filesystem;
        things found;
        std::error_code vanished;
        for (const auto& entry : fs::directory_iterator("/proc/self/fd")) {
            const auto target = fs::read_symlink(entry.path(), vanished).string();
            if (!vanished && target.find("/proc/") == std::string::npos) { // not the one that lists them
                found.descriptors.insert(entry.path().filename().string() + " -> " + target);
            }
        }
        for ([[maybe_unused]] const auto& entry : fs::directory_iterator("/proc/self/task")) {
            ++found.threads;
        }
        const auto self = std::to_string(::getpid());
        for (const auto& entry : fs::directory_iterator("/proc")) {
            const auto pid = entry.path().filename().string();
            if (pid.find_first_not_of("0123456789") == std::string::npos && parent_of(pid) == self) {
                found.children.insert(pid);
            }
        }
        for (const auto& entry : fs::directory_iterator("/dev/shm")) {
            const auto name = entry.path().filename().string();
            if (name.starts_with("multiprocessing-") && name.find("-" + self + "-") != std::string::npos) {
                found.names.insert(name);
            }
        }
        return found;
    }

    static std::string parent_of(const std::string& pid) {
        std::ifstream status("/proc/" + pid + "/status");
        for (std::string field; status >> field;) {
            if (field == "PPid:") {
                status >> field;
                return field;
            }
        }
        return {};
    }

    things before_ = inventory();
};
