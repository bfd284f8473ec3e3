// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// What a pool on several nodes does, on one machine: as many nodes as `mpirun` has started processes.
#include <multiprocessing/mpi.hpp>

#include <multiprocessing.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <numeric>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

namespace mp = multiprocessing;
using namespace std::chrono_literals;

namespace {

int twice(int n) {
    return 2 * n;
}
int fail(int n) {
    throw std::out_of_range("there is no " + std::to_string(n));
}
int crash() {
    std::raise(SIGSEGV);
    return 0;
}
long agent_of_worker(std::chrono::milliseconds pause) {
    std::this_thread::sleep_for(pause);
    return ::getppid();
}
bool has_variables_of_mpi() {
    return std::getenv("OMPI_COMM_WORLD_RANK") != nullptr || std::getenv("PMIX_RANK") != nullptr;
}
std::size_t descriptors_beyond_its_own() {
    std::size_t sockets = 0; // a worker has two: its channel's, its stop line's
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        std::error_code vanished;
        const auto target = std::filesystem::read_symlink(entry.path(), vanished).string();
        sockets += target.starts_with("socket:") ? 1 : 0;
    }
    return sockets;
}
void print_and_return(const std::string& text) {
    std::printf("%s", text.c_str());
}
double sum(const mp::shared_array<double>& numbers) {
    return std::accumulate(numbers.begin(), numbers.end(), 0.0);
}
bool wait_to_be_stopped(std::stop_token stop) {
    while (!stop.stop_requested()) {
        std::this_thread::sleep_for(1ms);
    }
    return true;
}

/// Dies until it has been called so often: a file with a line for each call tells.
int die_at_first(const std::filesystem::path& calls, int deaths, bool by_exception) {
    std::ofstream(calls, std::ios::app) << "called\n";
    std::ifstream lines(calls);
    int count = 0;
    for (std::string line; std::getline(lines, line);) {
        ++count;
    }
    if (count <= deaths) {
        if (by_exception) {
            throw std::runtime_error("not yet");
        }
        std::raise(SIGKILL);
    }
    return count;
}

struct folder {
    std::filesystem::path path =
        std::filesystem::temp_directory_path() / ("mpi_pool-" + std::to_string(::getpid()));
    folder() { std::filesystem::create_directory(path); }
    ~folder() { std::filesystem::remove_all(path); }
};

int from_initializer = 0;
void initialize(int n) {
    from_initializer = n;
}
int initialized() {
    return from_initializer;
}

} // namespace

BOOST_AUTO_TEST_SUITE(mpi_pool)

BOOST_AUTO_TEST_CASE(every_process_is_a_node_and_does_some_of_the_work) {
    mp::mpi_pool pool{1};
    const auto nodes = pool.nodes();
    BOOST_TEST(pool.size() == nodes.size());
    std::vector<mp::future<long>> futures;
    for (std::size_t i = 0; i != 4 * nodes.size(); ++i) {
        futures.push_back(pool.apply_async(agent_of_worker, 50ms));
    }
    std::set<long> worked;
    for (auto& each : futures) {
        worked.insert(each.get());
    }
    std::set<long> agents;
    for (const auto& each : nodes) {
        agents.insert(each.agent);
        BOOST_TEST(each.processes == 1u);
        BOOST_TEST(!each.host.empty());
    }
    BOOST_TEST(worked == agents, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_a_pool_can_do_it_can) {
    mp::mpi_pool pool{2};
    BOOST_TEST(pool.apply(twice, 21) == 42);
    BOOST_TEST(pool.try_apply_async(twice, 4).value().get() == 8);
    std::vector<int> numbers(1000);
    std::iota(numbers.begin(), numbers.end(), 0);
    const auto doubled = pool.map(twice, numbers);
    BOOST_TEST(doubled.size() == numbers.size());
    BOOST_TEST(doubled.back() == 1998);
    BOOST_TEST(pool.map_reduce(twice, numbers, std::plus<int>(), 0) == 999 * 1000);
    int expected = 0;
    for (const int n : pool.imap(twice, numbers)) {
        BOOST_TEST(n == expected);
        expected += 2;
    }
    long total = 0;
    for (const int n : pool.imap_unordered(twice, numbers)) {
        total += n;
    }
    BOOST_TEST(total == 999L * 1000);
    const auto stats = pool.stats();
    BOOST_TEST(stats.failed == 0u);
    BOOST_TEST(stats.queued == 0u);
    pool.close();
    BOOST_CHECK_THROW(pool.apply(twice, 1), mp::pool_closed);
    pool.join();
}

BOOST_AUTO_TEST_CASE(large_values_travel_in_pieces) {
    mp::mpi_pool pool{1};
    const std::string text((std::size_t{5} << 20) + 7, 'x');
    for (const auto& each : pool.map([](const std::string& t) { return t + "y"; }, std::vector(6, text), 1)) {
        BOOST_TEST((each == text + "y"));
    }
}

BOOST_AUTO_TEST_CASE(an_exception_is_the_outcome_of_its_task) {
    mp::mpi_pool pool{1};
    BOOST_CHECK_EXCEPTION(pool.apply(fail, 7), std::out_of_range,
                          [](const auto& e) { return std::string(e.what()) == "there is no 7"; });
    BOOST_TEST(pool.apply(twice, 1) == 2);
}

BOOST_AUTO_TEST_CASE(a_crash_is_one_worker_died_that_names_the_host) {
    mp::mpi_pool pool{1};
    const auto nodes = pool.nodes();
    for (std::size_t i = 0; i != nodes.size(); ++i) {
        auto crashing = pool.apply_async(crash);
        auto beside = pool.apply_async(twice, 3);
        BOOST_CHECK_EXCEPTION(crashing.get(), mp::worker_died, [&](const auto& e) {
            return e.signal() == SIGSEGV &&
                   std::string(e.what()).starts_with("on " + nodes.front().host + ": worker ");
        });
        BOOST_TEST(beside.get() == 6);
    }
    BOOST_TEST((pool.nodes() == nodes));
    BOOST_TEST(pool.stats().done == 2 * nodes.size());
}

BOOST_AUTO_TEST_CASE(time_outs_are_kept_on_the_node) {
    mp::mpi_pool pool{1};
    BOOST_CHECK_THROW(pool.apply({.timeout = 50ms}, agent_of_worker, 60s), mp::task_timed_out);
    BOOST_CHECK_THROW((void)pool.apply_async({.timeout = 0ms}, twice, 1), std::invalid_argument);
    mp::mpi_pool limited{{.processes = 1, .workers = {.task_timeout = 50ms}}};
    BOOST_CHECK_THROW(limited.apply(agent_of_worker, 60s), mp::task_timed_out);
}

BOOST_AUTO_TEST_CASE(what_is_cancelled_is_stopped_or_never_runs) {
    mp::mpi_pool pool{1};
    const auto nodes = pool.nodes().size();
    std::vector<mp::future<long>> futures;
    for (std::size_t i = 0; i != 20 * nodes; ++i) { // at nodes, and waiting here
        futures.push_back(pool.apply_async(agent_of_worker, 60s));
    }
    for (auto& each : futures) {
        BOOST_TEST(each.cancel());
    }
    for (auto& each : futures) {
        BOOST_CHECK_THROW(each.get(), mp::task_cancelled);
    }
    auto stoppable = pool.apply_async(wait_to_be_stopped);
    std::this_thread::sleep_for(20ms);
    BOOST_TEST(stoppable.cancel());
    BOOST_CHECK_THROW(stoppable.get(), mp::task_cancelled);
    auto done = pool.apply_async(twice, 2);
    done.wait();
    BOOST_TEST(!done.cancel());
}

BOOST_AUTO_TEST_CASE(tasks_are_tried_again) {
    const folder here;
    mp::mpi_pool pool{{.processes = 1, .workers = {.retry_back_off = 1ms}}};
    BOOST_TEST(pool.apply({.max_retries = 2}, die_at_first, here.path / "a", 2, false) == 3);
    BOOST_CHECK_THROW(pool.apply({.max_retries = 1}, die_at_first, here.path / "b", 5, false),
                      mp::worker_died);
    const auto always = [](const std::exception_ptr&) { return true; };
    BOOST_TEST(pool.apply({.max_retries = 2, .retry_if = always}, die_at_first, here.path / "c", 2, true) ==
               3);
    BOOST_TEST(pool.apply({.max_retries = 2, .retry_if = always}, die_at_first, here.path / "d", 2, false) ==
               3);
    BOOST_CHECK_THROW(
        pool.apply({.max_retries = 1, .retry_if = always}, die_at_first, here.path / "e", 5, true),
        std::runtime_error);
}

BOOST_AUTO_TEST_CASE(workers_have_nothing_of_mpi) {
    mp::mpi_pool pool{1};
    for (int i = 0; i != 12; ++i) {
        BOOST_TEST(!pool.apply(has_variables_of_mpi));
        BOOST_TEST(pool.apply(descriptors_beyond_its_own) <= 2u);
    }
}

BOOST_AUTO_TEST_CASE(an_initializer_runs_in_every_worker) {
    mp::mpi_pool pool{2};
    pool.initializer(initialize, 7);
    for (const int n : pool.map([](int) { return initialized(); }, std::vector(40, 0), 1)) {
        BOOST_TEST(n == 7);
    }
    BOOST_CHECK_THROW(pool.initializer(initialize, 8), std::logic_error);
}

BOOST_AUTO_TEST_CASE(what_a_task_prints_is_kept) {
    mp::mpi_pool pool{1};
    auto printing = pool.apply_async({.capture = true}, print_and_return, "said there");
    printing.wait();
    BOOST_TEST(printing.output() == "said there");
}

BOOST_AUTO_TEST_CASE(callbacks_may_submit) {
    mp::mpi_pool pool{{.processes = 1, .workers = {.task_queue_capacity = 1}}};
    std::promise<int> result;
    pool.apply_async(twice, 5).then([&](mp::future<int> first) { // on the pool's own thread
        result.set_value(pool.apply_async(twice, first.get()).get());
    });
    BOOST_TEST(result.get_future().get() == 20);
}

BOOST_AUTO_TEST_CASE(a_shared_array_is_there_on_every_node) {
    mp::mpi_pool pool{2};
    mp::shared_array<double> numbers(std::vector<double>(100'000, 0.5));
    std::vector<mp::future<double>> futures;
    for (int i = 0; i != 24; ++i) {
        futures.push_back(pool.apply_async(sum, numbers));
    }
    for (auto& each : futures) {
        BOOST_TEST(each.get() == 50'000.0);
    }
}

BOOST_AUTO_TEST_CASE(pools_can_be_many_and_are_ended_by_their_destructors) {
    mp::mpi_pool first{1};
    {
        mp::mpi_pool second{1};
        auto endless = second.apply_async(agent_of_worker, 60s);
        BOOST_TEST(second.apply(twice, 1) == 2);
        second.terminate();
        BOOST_CHECK_THROW(endless.get(), mp::pool_terminated);
        second.join();
    }
    auto moved = std::move(first);
    BOOST_TEST(moved.apply(twice, 2) == 4);
}

BOOST_AUTO_TEST_CASE(options_that_make_no_sense_are_refused) {
    BOOST_CHECK_THROW(mp::mpi_pool({.workers = {.task_queue_capacity = 0}}), std::invalid_argument);
    BOOST_CHECK_THROW(mp::mpi_pool({.workers = {.start_method = mp::start_method::fork}}),
                      std::invalid_argument);
    BOOST_CHECK_EXCEPTION(
        mp::mpi_pool({.processes = 1, .workers = {.working_directory = "/no/such/folder"}}), mp::start_failed,
        [](const auto& e) { return std::string(e.what()).find(" on ") != std::string::npos; });
    BOOST_TEST(mp::mpi_pool{1}.apply(twice, 1) == 2);
}

BOOST_AUTO_TEST_SUITE_END()
