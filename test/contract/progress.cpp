// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include <multiprocessing/progress.hpp>

#include "support/captured_stderr.hpp"
#include "support/fault.hpp"
#include "support/leaves_nothing.hpp"
#include "support/pseudo_terminal.hpp"

#include <multiprocessing.hpp>

#include <boost/test/unit_test.hpp>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <forward_list>
#include <functional>
#include <list>
#include <optional>
#include <sstream>
#include <stop_token>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

// What is shown of how far something has got: to somebody at a terminal, and elsewhere.

namespace mp = multiprocessing;
using fault::contains;
using namespace std::chrono_literals;

namespace {

const mp::progress_options at_every_step{.description = {}, .interval = 0ns};

int square(int n) {
    return n * n;
}
int odd(int n) {
    return n % 2 == 1 ? n : throw std::runtime_error("even");
}

/// What the bar looked like, one time after the other, without what was shown before and afterwards.
std::vector<std::string> bars_in(const std::string& shown) {
    std::vector<std::string> bars;
    std::istringstream text(shown.substr(0, shown.find('\n')));
    for (std::string bar; std::getline(text, bar, '\r');) {
        if (!bar.empty()) {
            bars.push_back(bar);
        }
    }
    return bars;
}

void sit_down(const std::string& terminal) {
    sit_at(terminal);
    ::setenv("TERM", "xterm", 1);
}

/// A program at a terminal, whose work gets on when the test gives it something.
class sitting {
public:
    using program = void (*)(const std::string& terminal, mp::queue<int> work);

    explicit sitting(program run, unsigned short columns = 0) : child_(run, screen_.path(), work_) {
        screen_.resize(columns);
        child_.start();
    }
    ~sitting() { BOOST_TEST(child_.join_for(fault::hang_limit)); }
    sitting(const sitting&) = delete;
    sitting& operator=(const sitting&) = delete;

    [[nodiscard]] pseudo_terminal& screen() noexcept { return screen_; }
    [[nodiscard]] mp::queue<int>& work() noexcept { return work_; }
    /// All that was shown up to its end.
    std::string shown() {
        BOOST_TEST(screen_.is_left());
        return screen_.shown();
    }
    int exit_code() {
        child_.join();
        return child_.exit_code().value();
    }

private:
    pseudo_terminal screen_;
    mp::queue<int> work_{10};
    mp::process child_;
};

void get_all(const std::string& terminal, mp::queue<int> work) {
    sit_down(terminal);
    for (const int n : mp::progress(work, {.description = "some work", .total = 4, .interval = 0ns})) {
        (void)n;
    }
    std::puts("afterwards");
}

std::string stderr_of(const std::function<void()>& run) {
    captured_stderr seen;
    run();
    return seen.text();
}

/// As long as it exists the environment asks for that.
class wanted_by_environment {
public:
    explicit wanted_by_environment(const char* style) { ::setenv(variable, style, 1); }
    ~wanted_by_environment() { ::unsetenv(variable); }
    wanted_by_environment(const wanted_by_environment&) = delete;
    wanted_by_environment& operator=(const wanted_by_environment&) = delete;

private:
    static constexpr const char* variable = "MULTIPROCESSING_PROGRESS";
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(progress, leaves_nothing)

BOOST_AUTO_TEST_CASE(a_bar_on_a_terminal) {
    constexpr unsigned short columns = 70;
    sitting it(get_all, columns);
    for (const int n : {1, 2, 3, 4}) {
        it.work().put(n);
    }
    it.work().close();
    const auto shown = it.shown();
    const auto bars = bars_in(shown);
    BOOST_TEST_REQUIRE(bars.size() >= 5U, shown);
    for (const auto& bar : bars) {
        BOOST_TEST(bar.size() == columns - 1U, bar);
    }
    BOOST_TEST(bars.front().starts_with("some work:   0% [......"), bars.front());
    BOOST_TEST(contains(bars.front(), "] 0/4, 0:00"), bars.front());
    BOOST_TEST(bars.back().starts_with("some work: 100% [######"), bars.back());
    BOOST_TEST(contains(bars.back(), "#] 4/4, "), bars.back());
    BOOST_TEST(shown.ends_with("\r\nafterwards\r\n"), shown);
    BOOST_TEST(it.exit_code() == 0);
}

BOOST_AUTO_TEST_CASE(the_bar_is_as_wide_as_the_terminal_is_now) {
    sitting it(get_all); // whose width is not known: that of most
    it.work().put(1);
    BOOST_TEST(it.screen().shows("] 1/4"));
    BOOST_TEST(bars_in(it.screen().shown()).back().size() == 79U);
    it.screen().resize(70);
    it.work().put(2);
    BOOST_TEST(it.screen().shows("] 2/4"));
    it.screen().resize(20);
    it.work().put(3);
    it.work().close();
    const auto shown = it.shown();
    const auto bars = bars_in(shown);
    const auto has = [&](const std::string& beginning, std::size_t size) {
        return std::ranges::any_of(
            bars, [&](const auto& bar) { return bar.starts_with(beginning) && bar.size() == size; });
    };
    BOOST_TEST(has("some work:  50% [", 69), shown);
    BOOST_TEST(has("some work:  75% 3/4", 19), shown);
}

BOOST_AUTO_TEST_CASE(what_workers_write_and_the_log_stand_above_the_bar) {
    sitting it([](const std::string& terminal, mp::queue<int> work) {
        sit_down(terminal);
        mp::pool pool(1);
        for (const int n : mp::progress(work, {.total = 4, .interval = 0ns})) {
            if (n == 1) {
                pool.apply([] { std::fputs("a worker's words\n", stderr); });
            } else if (n == 2) { // not all at once
                pool.apply([] { std::fputs("first, ", stderr); });
                pool.apply([] { std::fputs("then", stderr); });
            } else {
                mp::log_to_stderr(mp::log_level::warning);
                mp::log(mp::log_level::warning, "logged");
            }
        }
    });
    it.work().put(1);
    BOOST_TEST(it.screen().shows("\r\x1b[Ka worker's words\r\n"));
    it.work().put(2);
    BOOST_TEST(it.screen().shows("\r\x1b[Kfirst, then\r\n")); // before the bar
    it.work().put(3);
    BOOST_TEST(it.screen().shows("\r\x1b[K[warning "));
    BOOST_TEST(it.screen().shows("] logged\r\n"));
    it.work().close();
    const auto shown = it.shown();
    BOOST_TEST(contains(shown, "logged\r\n\r"), shown); // and then the bar
    BOOST_TEST(it.exit_code() == 0);
}

BOOST_AUTO_TEST_CASE(a_loop_that_is_left_leaves_a_whole_line) {
    sitting it([](const std::string& terminal, mp::queue<int> work) {
        sit_down(terminal);
        try {
            for (const int n : mp::progress(work, at_every_step)) {
                throw std::runtime_error(std::to_string(n));
            }
        } catch (const std::runtime_error&) {
            std::puts("caught");
        }
    });
    it.work().put(1);
    const auto shown = it.shown();
    BOOST_TEST(contains(shown, "\r\ncaught\r\n"), shown);
    BOOST_TEST(bars_in(shown).back().starts_with("1, "), shown);
}

BOOST_AUTO_TEST_CASE(ctrl_c_ends_the_line_and_the_program) {
    sitting it(get_all);
    it.work().put(1);
    BOOST_TEST(it.screen().shows("1/4"));
    it.screen().type(ctrl_c);
    const auto shown = it.shown();
    BOOST_TEST(shown.ends_with("\r\n"), shown);
    BOOST_TEST(std::ranges::count(shown, '\n') == 1, shown);
    BOOST_TEST(it.exit_code() == -SIGINT);
}

BOOST_AUTO_TEST_CASE(who_handles_ctrl_c_goes_on) {
    sitting it([](const std::string& terminal, mp::queue<int> work) {
        sit_down(terminal);
        static volatile std::sig_atomic_t interruptions = 0;
        std::signal(SIGINT, [](int) { interruptions = interruptions + 1; });
        for (const int n : mp::progress(work, at_every_step)) {
            (void)n;
        }
        std::raise(SIGINT);
        std::printf("interrupted %d times\n", static_cast<int>(interruptions));
    });
    it.work().put(1);
    BOOST_TEST(it.screen().shows("\r1, "));
    it.screen().type(ctrl_c);
    BOOST_TEST(it.screen().shows("^C"));
    it.work().close();
    BOOST_TEST(contains(it.shown(), "interrupted 2 times"));
    BOOST_TEST(it.exit_code() == 0);
}

BOOST_AUTO_TEST_CASE(what_ctrl_c_does_is_as_it_was_afterwards) {
    sitting it([](const std::string& terminal, mp::queue<int>) {
        sit_down(terminal);
        const std::vector<int> numbers(3);
        auto outer = mp::progress(numbers); // is destroyed last
        for (const int n : mp::progress(numbers)) {
            (void)n;
        }
        for (const int n : outer) {
            (void)n;
        }
        outer = mp::progress(numbers, {.style = mp::progress_style::none});
        struct sigaction now {};
        ::sigaction(SIGINT, nullptr, &now);
        std::puts(now.sa_handler == SIG_DFL ? "the same" : "another");
    });
    const auto shown = it.shown();
    BOOST_TEST(shown.ends_with("\r\nthe same\r\n"), shown);
}

BOOST_AUTO_TEST_CASE(what_ctrl_c_does_is_as_it_was_in_a_copy_too) {
    sitting it([](const std::string& terminal, mp::queue<int>) {
        sit_down(terminal);
        const std::vector<int> numbers(3);
        auto inherited = std::make_optional(mp::progress(numbers));
        (void)inherited->begin();
        const auto copy = ::fork();
        if (copy == 0) {
            inherited.reset();
            for (const int n : mp::progress(numbers)) {
                (void)n;
            }
            struct sigaction now {};
            ::sigaction(SIGINT, nullptr, &now);
            ::_exit(now.sa_handler == SIG_DFL ? 0 : 1);
        }
        int status = 0;
        ::waitpid(copy, &status, 0);
        inherited.reset();
        std::puts(status == 0 ? "the same" : "another");
    });
    const auto shown = it.shown();
    BOOST_TEST(shown.ends_with("\r\nthe same\r\n"), shown);
}

BOOST_AUTO_TEST_CASE(ctrl_c_ends_the_line_of_a_bar_that_is_still_drawn) {
    sitting it([](const std::string& terminal, mp::queue<int> work) {
        sit_down(terminal);
        const int another = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
        auto first = std::make_optional(
            mp::progress(std::vector<int>(3), {.style = mp::progress_style::bar, .descriptor = another}));
        auto second = mp::progress(work, at_every_step);
        first.reset();
        ::close(another);
        for (const int n : second) {
            (void)n;
        }
    });
    it.work().put(1);
    BOOST_TEST(it.screen().shows("\r1, "));
    it.screen().type(ctrl_c);
    const auto shown = it.shown();
    BOOST_TEST(shown.ends_with("\r\n"), shown);
    BOOST_TEST(it.exit_code() == -SIGINT);
}

BOOST_AUTO_TEST_CASE(a_dumb_terminal_gets_lines) {
    sitting it([](const std::string& terminal, mp::queue<int>) {
        sit_down(terminal);
        ::setenv("TERM", "dumb", 1);
        for (const int n : mp::progress(std::vector<int>(3))) {
            (void)n;
        }
    });
    const auto shown = it.shown();
    BOOST_TEST(shown.starts_with("3/3 (100%), "), shown);
}

BOOST_AUTO_TEST_CASE(lines_elsewhere) {
    const std::vector<int> numbers{1, 2, 3};
    auto lines = fault::lines_of(stderr_of([&] {
        for (const int n : mp::progress(numbers, {.description = "numbers", .interval = 0ns})) {
            (void)n;
        }
    }));
    BOOST_TEST_REQUIRE(lines.size() >= 4U);
    BOOST_TEST(lines.front().starts_with("numbers: 0/3 (0%), 0:00"), lines.front());
    BOOST_TEST(lines.back().starts_with("numbers: 3/3 (100%), "), lines.back());

    lines = fault::lines_of(stderr_of([&] {
        for (const int n : mp::progress(numbers)) { // not so often that it would be seen twice
            (void)n;
        }
    }));
    BOOST_TEST(lines.size() == 1U);
}

BOOST_AUTO_TEST_CASE(nothing_when_told_so) {
    const auto show = [](mp::progress_style style) {
        return stderr_of([&] {
            for (const int n : mp::progress(std::vector<int>(3), {.style = style, .interval = 0ns})) {
                (void)n;
            }
        });
    };
    BOOST_TEST(show(mp::progress_style::none) == "");
    {
        const wanted_by_environment none("none");
        BOOST_TEST(show(mp::progress_style::bar) == "");
    }
    {
        const wanted_by_environment bar("bar");
        BOOST_TEST(show(mp::progress_style::none).starts_with("\r  0% ["));
    }
    const wanted_by_environment nonsense("a lot");
    BOOST_TEST(show(mp::progress_style::none) == "");
}

BOOST_AUTO_TEST_CASE(ranges_know_how_many_there_will_be) {
    mp::pool pool(2);
    const auto last_line = [](auto&& range) {
        return fault::lines_of(stderr_of([&] {
                   for (auto&& each : mp::progress(std::forward<decltype(range)>(range))) {
                       (void)each;
                   }
               }))
            .back();
    };
    const std::vector<int> numbers{1, 2, 3, 4};
    BOOST_TEST(last_line(pool.imap(square, numbers)).starts_with("4/4 ("));
    BOOST_TEST(last_line(pool.imap_unordered(square, std::vector<int>(5))).starts_with("5/5 ("));
    BOOST_TEST(last_line(pool.imap(square, std::list<int>{1, 2})).starts_with("2/2 ("));
    BOOST_TEST(last_line(pool.imap(square, std::forward_list<int>{1, 2})).starts_with("2, ")); // who knows
    std::vector<mp::future<int>> futures;
    for (int i = 0; i != 3; ++i) {
        futures.push_back(pool.apply_async(square, i));
    }
    BOOST_TEST(last_line(mp::as_completed(futures)).starts_with("3/3 ("));
}

BOOST_AUTO_TEST_CASE(elements_are_those_of_the_range) {
    std::vector<int> numbers{1, 2, 3};
    const auto text = stderr_of([&] {
        for (int& n : mp::progress(numbers)) {
            n *= 2;
        }
        for (const bool n : mp::progress(std::vector<bool>{false, true})) { // whose references are values
            numbers.push_back(static_cast<int>(n));
        }
    });
    BOOST_TEST(numbers == (std::vector{2, 4, 6, 0, 1}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(errors_of_tasks_come_through_and_the_rest_as_well) {
    mp::pool pool(1);
    const std::vector<int> numbers{0, 1, 2, 3};
    std::vector<int> results;
    int errors = 0;
    const auto text = stderr_of([&] {
        auto range = mp::progress(pool.imap(odd, numbers));
        const auto counted = [&](const auto& step) {
            for (;;) {
                try {
                    step();
                    return;
                } catch (const std::runtime_error&) {
                    ++errors;
                }
            }
        };
        std::optional<decltype(range.begin())> at;
        for (counted([&] { at = range.begin(); }); *at != range.end(); counted([&] { ++*at; })) {
            results.push_back(**at);
        }
    });
    BOOST_TEST(results == (std::vector{1, 3}), boost::test_tools::per_element());
    BOOST_TEST(errors == 2);
    BOOST_TEST(text.starts_with("2/4 (50%)"), text);
}

BOOST_AUTO_TEST_CASE(a_future_and_the_tasks_it_is_made_of) {
    mp::pool pool(2);
    const std::vector<int> numbers(8, 3);
    const auto text = stderr_of([&] {
        const auto squares = mp::progress(pool.map_async(square, numbers, 1), {.description = "map"}).get();
        BOOST_TEST(squares == std::vector<int>(8, 9), boost::test_tools::per_element());
        auto failed = mp::progress(pool.apply_async(odd, 2));
        BOOST_TEST(failed.ready());
        BOOST_CHECK_THROW(failed.get(), std::runtime_error);
        BOOST_CHECK_THROW((void)mp::progress(mp::future<int>()), std::logic_error);
    });
    BOOST_TEST(text.starts_with("map: 8/8 (100%), "), text);
    BOOST_TEST(contains(text, "\n1/1 (100%), "), text);
}

BOOST_AUTO_TEST_CASE(a_future_is_not_looked_at_all_the_time) {
    mp::pool pool(1);
    const auto text = stderr_of([&] {
        mp::progress(pool.apply_async([] { std::this_thread::sleep_for(50ms); }), {.interval = 0ns}).get();
    });
    BOOST_TEST(std::ranges::count(text, '\n') < 1000);
}

BOOST_AUTO_TEST_CASE(a_wait_for_a_future_that_is_asked_to_stop) {
    mp::pool pool(1);
    auto task = pool.apply_async(fault::stay);
    std::stop_source source;
    source.request_stop();
    const auto text = stderr_of([&] {
        BOOST_CHECK_THROW((void)mp::progress(std::move(task), {}, source.get_token()), mp::wait_stopped);
    });
    BOOST_TEST(text.starts_with("0/1 (0%), "), text);
    BOOST_TEST(task.valid()); // NOLINT: it was not moved from
    BOOST_TEST(!task.ready());
    task.cancel();
    BOOST_CHECK_THROW(mp::progress(std::move(task), {}, source.get_token()).get(), mp::task_cancelled);
}

BOOST_AUTO_TEST_CASE(an_interval_is_not_negative) {
    BOOST_CHECK_THROW((void)mp::progress(std::vector<int>(), {.interval = -1ns}), std::invalid_argument);
}

BOOST_AUTO_TEST_SUITE_END()
