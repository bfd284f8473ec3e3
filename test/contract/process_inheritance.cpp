// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include <multiprocessing/process.hpp>

#include <multiprocessing/context.hpp>
#include <multiprocessing/queue.hpp>

#include "support/captured_stderr.hpp"
#include "support/leaves_nothing.hpp"

#include <boost/test/unit_test.hpp>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <pthread.h>
#include <string>
#include <unistd.h>

// What a child inherits of its parent, and what it does not.

namespace mp = multiprocessing;

namespace {

using texts = mp::queue<std::string>;

void do_nothing() {}

} // namespace

BOOST_FIXTURE_TEST_SUITE(process_inheritance, leaves_nothing)

BOOST_AUTO_TEST_CASE(inherits_the_standard_streams) {
    captured_stderr printed;
    mp::process p{[] { std::cerr << "through fd 2"; }};
    p.start();
    p.join();
    BOOST_TEST(printed.text() == "through fd 2");
}

BOOST_AUTO_TEST_CASE(inherits_no_other_descriptor) {
    const int not_close_on_exec = ::open("/dev/zero", O_RDONLY);
    texts out(100);
    mp::process p{[](texts to) {
                      for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
                          if (std::stoi(entry.path().filename()) > STDERR_FILENO) {
                              to.put(std::filesystem::read_symlink(entry.path()));
                          }
                      }
                      to.close();
                  },
                  out};
    p.start();
    p.join();
    ::close(not_close_on_exec);
    for (const auto& target : out) {
        // The directory that was being read, and what the queue that it was put into holds open.
        BOOST_TEST((target.starts_with("/proc/") || target.ends_with("-queue")), target);
    }
}

BOOST_AUTO_TEST_CASE(hands_none_of_the_librarys_descriptors_on_to_other_programs) {
    texts out(100);
    mp::process p{[](texts to) {
                      for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
                          const int fd = std::stoi(entry.path().filename());
                          if (fd > STDERR_FILENO && (::fcntl(fd, F_GETFD) & FD_CLOEXEC) == 0) {
                              to.put(std::filesystem::read_symlink(entry.path()));
                          }
                      }
                      if (std::getenv("MULTIPROCESSING_HANDOVER") != nullptr) {
                          to.put("the environment variable");
                      }
                      to.close();
                  },
                  out};
    p.start();
    p.join();
    for (const auto& left : out) {
        BOOST_ERROR(left);
    }
}

BOOST_AUTO_TEST_CASE(has_default_signal_handlers_and_an_empty_signal_mask) {
    texts out(2);
    sigset_t blocked;
    sigset_t before;
    ::sigemptyset(&blocked);
    ::sigaddset(&blocked, SIGUSR1);
    ::pthread_sigmask(SIG_BLOCK, &blocked, &before);
    const auto handler = std::signal(SIGUSR2, SIG_IGN);
    mp::process p{[](texts to) {
                      std::ifstream status("/proc/self/status");
                      for (std::string line; std::getline(status, line);) {
                          if (line.starts_with("SigBlk") || line.starts_with("SigIgn")) {
                              to.put(line.substr(line.find_last_of(" \t") + 1));
                          }
                      }
                  },
                  out};
    p.start();
    p.join();
    std::signal(SIGUSR2, handler);
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    BOOST_TEST(out.get() == "0000000000000000");
    BOOST_TEST(out.get() == "0000000000000000");
}

BOOST_AUTO_TEST_CASE(ignores_the_terminal_when_its_parent_does) {
    const auto handler = std::signal(SIGHUP, SIG_IGN); // as under nohup
    mp::process p{[] { std::exit(std::signal(SIGHUP, SIG_DFL) == SIG_IGN ? 3 : 4); }};
    p.start();
    p.join();
    std::signal(SIGHUP, handler);
    BOOST_TEST(p.exit_code().value() == 3);
}

BOOST_AUTO_TEST_CASE(has_the_environment_and_the_directory_of_its_parent) {
    texts out(2);
    ::setenv("MULTIPROCESSING_TEST_VARIABLE", "value", 1);
    mp::process p{[](texts to) {
                      to.put(std::getenv("MULTIPROCESSING_TEST_VARIABLE"));
                      to.put(std::filesystem::current_path());
                  },
                  out};
    p.start();
    p.join();
    ::unsetenv("MULTIPROCESSING_TEST_VARIABLE");
    BOOST_TEST(out.get() == "value");
    BOOST_TEST(out.get() == std::filesystem::current_path().string());
}

BOOST_AUTO_TEST_CASE(exit_handlers_of_the_parent_do_not_run_in_it) {
    captured_stderr printed;
    std::atexit([] {
        if (mp::parent_process()) {
            std::cerr << "the parent's";
        }
    });
    mp::process p{do_nothing};
    p.start();
    p.join();
    BOOST_TEST(printed.text() == "");
}

BOOST_AUTO_TEST_SUITE_END()
