// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "os/crash_report.hpp"
#include "os/modules.hpp"
#include "os/symbols.hpp"
#include "pool/stack_trace.hpp"

#include "support/leaves_nothing.hpp"

#include <boost/test/unit_test.hpp>
#include <csignal>
#include <cstring>
#include <fstream>
#include <initializer_list>
#include <random>
#include <string>
#include <sys/stat.h>
#include <vector>

namespace detail = multiprocessing::detail;
namespace os = multiprocessing::os;

namespace {

using bytes = std::vector<std::byte>;

bytes make_report(std::initializer_list<std::uint64_t> frames, const std::string& maps,
                  std::int64_t signal = SIGSEGV) {
    os::crash_report head{os::crash_report::expected_magic, signal, {}};
    std::ranges::copy(frames, head.frames.begin());
    bytes report(sizeof head + maps.size());
    std::memcpy(report.data(), &head, sizeof head);
    std::memcpy(report.data() + sizeof head, maps.data(), maps.size());
    return report;
}

const std::string two_modules = "1000-2000 r-xp 00000200 08:01 1234   /bin/first\n"
                                "5000-6000 r-xp 00001000 08:01 1235   /lib/the second.so\n";

std::uint64_t marker(std::uint64_t n) { // lies in the program's code
    return n + 1;
}

/// A file, gone at the end of the scope.
struct file {
    std::string path =
        (std::filesystem::temp_directory_path() / ("multiprocessing-unit-" + std::to_string(::getpid())))
            .string();
    explicit file(const bytes& content) {
        std::ofstream(path, std::ios::binary)
            .write(reinterpret_cast<const char*>(content.data()), static_cast<long>(content.size()));
    }
    ~file() { std::filesystem::remove(path); }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(crash_report, leaves_nothing)

BOOST_AUTO_TEST_CASE(addresses_are_found_in_modules) {
    const auto crash = os::read_crash_report(make_report({0x1010, 0x5fff, 0x2000}, two_modules));
    BOOST_TEST_REQUIRE(crash.has_value());
    BOOST_TEST(crash->signal == SIGSEGV);
    BOOST_TEST_REQUIRE(crash->frames.size() == 3U);
    BOOST_TEST((crash->frames[0] == os::crash_frame{0x1010, "/bin/first", 0x210}));
    BOOST_TEST((crash->frames[1] == os::crash_frame{0x5fff, "/lib/the second.so", 0x1fff}));
    BOOST_TEST((crash->frames[2] == os::crash_frame{0x2000, "", 0}));
}

BOOST_AUTO_TEST_CASE(lines_that_are_cut_off_or_rubbish_are_no_modules) {
    for (const char* maps : {"", "\n\n", "-", "1000", "1000-", "1000-2000", "zzzz-2000 r-xp 0 0 0 /a",
                             "1000-2000 r-xp 0 0 0 [vdso]", "99999999999999999999-2000 r-xp 0 0 0 /a",
                             "2000-1000 r-xp 0 0 0 /a", "1000-2000 r-xp zz 0 0"}) {
        const auto crash = os::read_crash_report(make_report({0x1010}, maps));
        BOOST_TEST_REQUIRE(crash.has_value());
        BOOST_TEST_REQUIRE(crash->frames.size() == 1U);
        BOOST_TEST(crash->frames[0].module == "", maps);
    }
}

BOOST_AUTO_TEST_CASE(a_full_report_has_all_frames) {
    auto report = make_report({}, "");
    std::memset(report.data() + offsetof(os::crash_report, frames), 0xff, sizeof(os::crash_report::frames));
    BOOST_TEST(os::read_crash_report(report)->frames.size() == os::most_frames);
}

BOOST_AUTO_TEST_CASE(what_is_no_report_is_none) {
    const auto report = make_report({0x1010}, "");
    for (std::size_t size = 0; size != report.size(); ++size) {
        BOOST_TEST(!os::read_crash_report(std::span(report).first(size)).has_value());
    }
    auto other = report;
    other[0] = std::byte{1};
    BOOST_TEST(!os::read_crash_report(other).has_value());
    for (const std::int64_t signal : {std::int64_t{0}, std::int64_t{-11}, std::int64_t{1} << 40}) {
        BOOST_TEST(!os::read_crash_report(make_report({0x1010}, "", signal)).has_value());
    }
}

BOOST_AUTO_TEST_CASE(a_trace_names_functions_of_the_program) {
    const auto address = reinterpret_cast<std::uintptr_t>(&marker);
    std::ifstream maps("/proc/self/maps");
    const std::string text{std::istreambuf_iterator<char>(maps), {}};
    const auto report = make_report({address, address + 1, address + 1, address + 1, 0x10}, text);
    const auto trace = detail::stack_trace_in(report, SIGSEGV);
    const auto line = "(anonymous namespace)::marker at unit_tests+0x";
    BOOST_TEST(trace.starts_with(line), trace);
    BOOST_TEST(trace.find(line, 1) != std::string::npos, trace);
    BOOST_TEST(trace.ends_with("\nthe same 2 times more\n0x10\n"), trace);
}

BOOST_AUTO_TEST_CASE(a_trace_is_of_the_signal_that_the_worker_died_of) {
    const auto report = make_report({0x1010}, two_modules);
    BOOST_TEST(detail::stack_trace_in(report, SIGABRT) == "");
    BOOST_TEST(detail::stack_trace_in({}, SIGSEGV) == "");
    BOOST_TEST(detail::stack_trace_in(report, SIGSEGV) == "? at first+0x210\n");
}

BOOST_AUTO_TEST_CASE(a_module_that_is_a_pipe_or_a_folder_is_not_waited_for) {
    const file taken({});
    std::filesystem::remove(taken.path);
    BOOST_TEST_REQUIRE(::mkfifo(taken.path.c_str(), 0600) == 0);
    for (const auto& path :
         {taken.path, std::string("/dev/zero"), std::string("/tmp"), std::string("/nothing")}) {
        const auto report = make_report({0x1010}, "1000-2000 r-xp 00000000 08:01 1234   " + path);
        BOOST_TEST(detail::stack_trace_in(report, SIGSEGV) ==
                   "? at " + path.substr(path.rfind('/') + 1) + "+0x10\n");
    }
}

BOOST_AUTO_TEST_CASE(files_full_of_rubbish_have_no_symbols) {
    std::minstd_rand random(1);
    std::ifstream self("/proc/self/exe", std::ios::binary);
    bytes start(8'192);
    self.read(reinterpret_cast<char*>(start.data()), static_cast<long>(start.size()));
    for (int round = 0; round != 300; ++round) {
        auto content = start;
        const std::size_t first = round % 3 == 0 ? 0 : sizeof(ElfW(Ehdr)) / 2; // with and without the magic
        for (int i = 0; i != 200; ++i) {
            content[first + random() % (round % 2 == 0 ? content.size() - first : 100)] =
                static_cast<std::byte>(random() >> 8);
        }
        const file rubbish(content);
        const os::symbol_file symbols(rubbish.path);
        BOOST_TEST(symbols.function_at(random()) == "");
        (void)symbols.address_of(random());
    }
}

BOOST_AUTO_TEST_SUITE_END()
