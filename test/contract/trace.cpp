// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "support/captured_stderr.hpp"
#include "support/fault.hpp"
#include "support/gate.hpp"
#include "support/leaves_nothing.hpp"

#include <multiprocessing.hpp>

#include <boost/property_tree/json_parser.hpp>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <sys/resource.h>
#include <sys/stat.h>
#include <vector>

// A pool's trace: a file of Chrome's trace events.

namespace mp = multiprocessing;
namespace fs = std::filesystem;
using namespace std::chrono_literals;

namespace {

int traced_square(int n) {
    return n * n;
}
void crash() {
    std::raise(SIGKILL);
}

/// Fixture: a file for a trace, and what is in it.
class traced_pool : public leaves_nothing {
public:
    using event = boost::property_tree::ptree;

    traced_pool() : file_(fs::temp_directory_path() / ("mp-trace-" + std::to_string(::getpid()) + ".json")) {}
    ~traced_pool() { fs::remove(file_); }

    [[nodiscard]] const fs::path& file() const noexcept { return file_; }
    [[nodiscard]] mp::pool_options options(std::size_t processes) const {
        return {.processes = processes, .trace = file_};
    }
    [[nodiscard]] std::string text() const {
        const std::ifstream in(file_);
        std::ostringstream content;
        content << in.rdbuf();
        return content.str();
    }
    /// Throws when it is not JSON.
    void read() { read(text()); }
    void read(const std::string& text) {
        std::istringstream in(text);
        event all;
        boost::property_tree::read_json(in, all);
        events_.clear();
        for (const auto& [key, each] : all) {
            events_.push_back(each);
        }
    }

    [[nodiscard]] std::vector<event> events(const std::string& phase, const std::string& name = {}) const {
        std::vector<event> found;
        for (const auto& each : events_) {
            if (each.get<std::string>("ph") == phase &&
                (name.empty() || each.get<std::string>("name") == name)) {
                found.push_back(each);
            }
        }
        return found;
    }
    [[nodiscard]] std::vector<std::string> track_names() const {
        std::vector<std::string> names;
        for (const auto& each : events("M", "thread_name")) {
            names.push_back(each.get<std::string>("args.name"));
        }
        return names;
    }
    /// On each track one thing ends before the next one begins, and all is inside the life of its worker.
    void check_that_spans_are_in_order() const {
        std::map<std::string, std::pair<double, double>> lives;
        for (const auto& each : events("B")) {
            BOOST_TEST(
                lives.emplace(each.get<std::string>("tid"), std::pair(each.get<double>("ts"), 0.)).second);
        }
        for (const auto& each : events("E")) {
            lives.at(each.get<std::string>("tid")).second = each.get<double>("ts");
        }
        std::map<std::string, double> last_ends;
        for (const auto& each : events("X")) {
            const auto track = each.get<std::string>("tid");
            const auto begin = each.get<double>("ts");
            const auto end = begin + each.get<double>("dur");
            constexpr double rounding = 0.01;
            BOOST_TEST(begin + rounding >= last_ends[track]);
            BOOST_TEST(
                (begin + rounding >= lives.at(track).first && end <= lives.at(track).second + rounding));
            last_ends[track] = end;
        }
    }

private:
    fs::path file_;
    std::vector<event> events_;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(trace, traced_pool)

BOOST_AUTO_TEST_CASE(has_a_track_for_each_worker_with_its_tasks) {
    {
        mp::pool pool(options(2));
        pool.map(traced_square, std::vector<int>(10, 2), 1);
        pool.close();
        pool.join();
    }
    read();
    BOOST_TEST(track_names() == (std::vector<std::string>{"task queue", "worker-1", "worker-2"}),
               boost::test_tools::per_element());
    BOOST_TEST(events("X").size() == 10U);
    BOOST_TEST(events("i", "queued").size() == 10U);
    BOOST_TEST(events("B").size() == 2U);
    BOOST_TEST(events("E").size() == 2U);
    BOOST_TEST(events("i", "ended").size() == 2U);
    BOOST_TEST(fault::contains(text(), "traced_square"));
    check_that_spans_are_in_order();
}

BOOST_AUTO_TEST_CASE(tells_of_deaths_and_further_attempts) {
    {
        mp::pool pool({.processes = 1, .retry_back_off = 1ms, .worker_name = "a \"name\"", .trace = file()});
        BOOST_CHECK_THROW(pool.apply({.max_retries = 1}, crash), mp::worker_died);
        BOOST_TEST(pool.apply(traced_square, 3) == 9);
        pool.close();
        pool.join();
    }
    read();
    BOOST_TEST(track_names() ==
                   (std::vector<std::string>{"task queue", "a \"name\" 1", "a \"name\" 2", "a \"name\" 3"}),
               boost::test_tools::per_element());
    const auto deaths = events("i", "died");
    BOOST_TEST_REQUIRE(deaths.size() == 2U);
    BOOST_TEST(fault::contains(deaths[0].get<std::string>("args.how"), "was killed by SIGKILL"));
    BOOST_TEST(events("X").size() == 3U); // two of them ended by a death
    BOOST_TEST(events("i", "retried").size() == 1U);
    BOOST_TEST(events("i", "failed").size() == 1U);
    check_that_spans_are_in_order();
}

BOOST_AUTO_TEST_CASE(tells_of_tasks_that_come_to_nothing) {
    {
        mp::pool pool(options(1));
        BOOST_CHECK_THROW(pool.apply({.timeout = 5ms}, fault::stay), mp::task_timed_out);
        gate g;
        auto running = pool.apply_async(pass_gate, g, 1);
        auto cancelled = pool.apply_async(traced_square, 1);
        BOOST_TEST(cancelled.cancel());
        cancelled.wait();
        g.wait_for_task();
        pool.terminate();
        pool.join();
    }
    read();
    BOOST_TEST(events("i", "timed out").size() == 1U);
    BOOST_TEST(events("i", "cancelled").size() == 1U);
    BOOST_TEST(events("i", "terminated").size() == 1U);
    const auto spans = events("X");
    BOOST_TEST_REQUIRE(spans.size() == 2U); // the one that was late, and the one that ran to the end
    for (const auto& each : spans) {
        BOOST_TEST(each.get<std::string>("args.ended by") == "the worker's death");
    }
    BOOST_TEST(fault::contains(spans[1].get<std::string>("name"), "pass_gate"));
    check_that_spans_are_in_order();
}

BOOST_AUTO_TEST_CASE(counts_what_is_queued_and_running) {
    {
        mp::pool pool(options(1));
        gate g;
        auto running = pool.apply_async(pass_gate, g, 1);
        auto queued = pool.apply_async(traced_square, 1);
        g.open();
        mp::wait_all(running, queued);
        pool.close();
        pool.join();
    }
    read();
    const auto counts = events("C", "tasks");
    BOOST_TEST_REQUIRE(!counts.empty());
    BOOST_TEST(std::ranges::any_of(counts, [](const auto& each) { return each.get("args.queued", 0) == 1; }));
    BOOST_TEST(
        std::ranges::any_of(counts, [](const auto& each) { return each.get("args.running", 0) == 1; }));
    BOOST_TEST(counts.back().get<int>("args.queued") == 0);
    BOOST_TEST(counts.back().get<int>("args.running") == 0);
}

BOOST_AUTO_TEST_CASE(of_captured_tasks_without_shared_memory) {
    {
        mp::pool pool({.processes = 1, .isolation = mp::isolation::strict, .trace = file()});
        auto printed = pool.apply_async({.capture = true}, [] { std::puts("printed"); });
        printed.wait();
        BOOST_TEST(printed.output() == "printed\n");
        printed.get();
        pool.close();
        pool.join();
    }
    read();
    BOOST_TEST(events("X").size() == 1U);
    check_that_spans_are_in_order();
}

BOOST_AUTO_TEST_CASE(a_file_that_cannot_be_written_is_an_error_at_once) {
    BOOST_CHECK_THROW(mp::pool({.processes = 1, .trace = "/nowhere/trace.json"}), mp::start_failed);
    BOOST_CHECK_THROW(mp::pool({.processes = 1, .trace = "/dev/full"}), mp::start_failed);
    BOOST_REQUIRE(::mkfifo(file().c_str(), 0600) == 0);
    BOOST_CHECK_THROW(mp::pool({.processes = 1, .trace = file()}), mp::start_failed); // has no reader
    const int reader = ::open(file().c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    BOOST_CHECK_THROW(mp::pool({.processes = 1, .trace = file()}), mp::start_failed);
    ::close(reader);
}

BOOST_AUTO_TEST_CASE(a_disk_that_is_full_ends_the_trace_and_nothing_else) {
    captured_stderr seen;
    mp::process program(
        [](const fs::path& to) {
            mp::log_to_stderr(mp::log_level::warning);
            mp::pool pool({.processes = 1, .trace = to});
            constexpr rlimit most{100'000, 100'000}; // for the files of this process, like the trace
            ::setrlimit(RLIMIT_FSIZE, &most);
            for (int i = 0; i != 1000; ++i) {
                if (pool.apply(traced_square, i) != i * i) {
                    throw std::logic_error("a wrong result");
                }
            }
        },
        file());
    program.start();
    program.join();
    BOOST_TEST(program.exit_code().value() == 0);
    const auto log = seen.text();
    BOOST_TEST(fault::contains(log, "the trace of a pool ends here"), log);
    read(text() + "]"); // whole events
    BOOST_TEST(fs::file_size(file()) <= 100'000U);
    BOOST_TEST(!events("X").empty());
}

BOOST_AUTO_TEST_CASE(a_file_that_another_pool_writes_as_well_has_no_hole) {
    {
        mp::pool pool(options(1));
        pool.map(traced_square, std::vector<int>(10, 2), 1);
        mp::pool other(options(1));
        pool.close();
        pool.join();
    }
    BOOST_TEST(fault::contains(text(), "ended"));
    BOOST_TEST(text().find('\0') == std::string::npos);
}

BOOST_AUTO_TEST_CASE(can_be_read_when_the_program_is_killed) {
    mp::process program(
        [](const fs::path& to) {
            mp::pool pool({.processes = 1, .trace = to});
            pool.map(traced_square, std::vector<int>(10, 2), 1);
            fault::stay();
        },
        file());
    program.start();
    const auto has_all = [&] {
        const auto lines = fault::lines_of(text());
        return std::ranges::count_if(
                   lines, [](const auto& line) { return fault::contains(line, R"("ph":"X")"); }) == 10;
    };
    BOOST_TEST(fault::eventually(has_all));
    program.kill();
    program.join();
    read(text() + "]");
    BOOST_TEST(events("X").size() == 10U);
}

BOOST_AUTO_TEST_SUITE_END()
