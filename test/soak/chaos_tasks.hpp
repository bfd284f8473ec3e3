// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <multiprocessing.hpp>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <random>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <unistd.h>
#include <utility>

/// Tasks of all kinds, for a pool whose workers are killed at random, and which outcomes they may have.
namespace chaos {

namespace mp = multiprocessing;
using namespace std::chrono_literals;

// The tasks.

inline std::uint64_t compute(std::uint64_t n) {
    return n * 0x9e3779b97f4a7c15;
}
inline std::string text(std::uint64_t n, std::size_t size) {
    std::string result(size, static_cast<char>('a' + n % 26));
    result += std::to_string(n);
    return result;
}
inline std::string there_and_back(const std::string& argument) {
    return argument + "!";
}
inline int throw_number(std::uint64_t n) {
    throw std::out_of_range(std::to_string(n));
}
inline int crash(unsigned how) {
    static volatile int* volatile nothing = nullptr;
    switch (how % 5) {
    case 0:
        std::raise(SIGKILL);
        break;
    case 1:
        std::signal(SIGABRT, SIG_DFL);
        std::abort();
    case 2:
        ::_exit(3);
    case 3:
        std::exit(4);
    default:
        return *nothing; // NOLINT: that is the point
    }
    return 0;
}
struct defiant {
    template <class Archive>
    void serialize(Archive&, unsigned) {
        if constexpr (Archive::is_saving::value) {
            throw std::domain_error("not to be saved");
        }
    }
};
inline defiant make_defiant() {
    return {};
}

[[noreturn]] inline void stay() {
    for (;;) {
        ::pause();
    }
}
inline void stay_until_asked(std::stop_token stop) {
    while (!stop.stop_requested()) {
        std::this_thread::sleep_for(100us);
    }
}
inline std::uint64_t throw_half_the_time(std::uint64_t n) {
    static std::minstd_rand random(static_cast<unsigned>(::getpid()));
    if (random() % 2 == 0) {
        throw std::range_error("not this time");
    }
    return compute(n);
}

// What is counted and checked.

struct tally {
    std::uint64_t values = 0;
    std::uint64_t exceptions = 0;
    std::uint64_t died = 0;
    std::uint64_t timed_out = 0;
    std::uint64_t cancelled = 0;
    std::uint64_t wrong = 0;
    [[nodiscard]] std::uint64_t tasks() const {
        return values + exceptions + died + timed_out + cancelled + wrong;
    }
};

inline void report_wrong(tally& counts, const std::string& what) {
    if (++counts.wrong <= 10) {
        std::fprintf(stderr, "chaos: wrong outcome: %s\n", what.c_str());
    }
}

/// A task under way: how to check it when it is complete.
using check = std::function<void(tally&)>;

/// Checks a task that must have the value, unless its worker was killed.
template <class R>
check expect_value(mp::future<R> task, R expected) {
    auto kept = std::make_shared<mp::future<R>>(std::move(task));
    return [kept, expected = std::move(expected)](tally& counts) {
        try {
            if (kept->get() == expected) {
                ++counts.values;
            } else {
                report_wrong(counts, "a wrong value");
            }
        } catch (const mp::worker_died& e) {
            // A pool that has given up would fail all the rest.
            if (e.pid() != 0 && std::strstr(e.what(), "while running") != nullptr) {
                ++counts.died;
            } else {
                report_wrong(counts, e.what());
            }
        } catch (const std::exception& e) {
            report_wrong(counts, e.what());
        }
    };
}

template <class E, class R>
check expect_exception(mp::future<R> task, std::string what) {
    auto kept = std::make_shared<mp::future<R>>(std::move(task));
    return [kept, what = std::move(what)](tally& counts) {
        try {
            (void)kept->get();
            report_wrong(counts, "a value instead of " + what);
        } catch (const mp::worker_died&) {
            ++counts.died;
        } catch (const E& e) {
            if (what == e.what()) {
                ++counts.exceptions;
            } else {
                report_wrong(counts, e.what());
            }
        } catch (const std::exception& e) {
            report_wrong(counts, e.what());
        }
    };
}

inline check expect_death(mp::future<int> task) {
    auto kept = std::make_shared<mp::future<int>>(std::move(task));
    return [kept](tally& counts) {
        try {
            kept->get();
            report_wrong(counts, "a value of a task that crashes");
        } catch (const mp::worker_died&) {
            ++counts.died;
        } catch (const std::exception& e) {
            report_wrong(counts, e.what());
        }
    };
}

/// Checks a task that never ends by itself, and has a timeout.
inline check expect_timeout(mp::future<void> task) {
    auto kept = std::make_shared<mp::future<void>>(std::move(task));
    return [kept](tally& counts) {
        try {
            kept->get();
            report_wrong(counts, "an end of a task without one");
        } catch (const mp::task_timed_out&) {
            ++counts.timed_out;
        } catch (const mp::worker_died&) {
            ++counts.died;
        } catch (const std::exception& e) {
            report_wrong(counts, e.what());
        }
    };
}

/// Cancels a task, now or when it is checked. It fails as cancelled if and only if that was accepted.
template <class R>
check cancel_and_expect(mp::future<R> task, bool now) {
    auto kept = std::make_shared<mp::future<R>>(std::move(task));
    const bool accepted_now = now && kept->cancel();
    return [kept, accepted_now](tally& counts) {
        const bool accepted = accepted_now || kept->cancel();
        try {
            kept->get();
            accepted ? report_wrong(counts, "a value of a cancelled task") : void(++counts.values);
        } catch (const mp::task_cancelled&) {
            accepted ? void(++counts.cancelled) : report_wrong(counts, "cancelled by nobody");
        } catch (const mp::worker_died&) {
            accepted ? report_wrong(counts, "worker_died of a cancelled task") : void(++counts.died);
        } catch (const std::exception& e) {
            report_wrong(counts, e.what());
        }
    };
}

/// Checks a task that is tried again until it has its value.
inline check expect_value_in_the_end(mp::future<std::uint64_t> task, std::uint64_t expected) {
    auto kept = std::make_shared<mp::future<std::uint64_t>>(std::move(task));
    return [kept, expected](tally& counts) {
        try {
            kept->get() == expected ? void(++counts.values) : report_wrong(counts, "a wrong value");
        } catch (const std::exception& e) {
            report_wrong(counts, e.what());
        }
    };
}

/// Tasks that are stopped or tried again.
inline check submit_special(mp::basic_pool& pool, std::uint64_t n) {
    // So many attempts that chance does not use them up.
    const mp::task_options stubborn{.max_retries = 60,
                                    .retry_if = [](const std::exception_ptr&) { return true; }};
    switch (n % 8) {
    case 0:
        return expect_timeout(pool.apply_async({.timeout = 5ms}, stay));
    case 1:
        return expect_timeout(pool.apply_async({.timeout = 5ms, .stop_grace = 1s}, stay_until_asked));
    case 2:
        return cancel_and_expect(pool.apply_async(stay), false);
    case 3:
        return cancel_and_expect(pool.apply_async({.stop_grace = 1s}, stay_until_asked), false);
    case 4:
    case 5:
        return cancel_and_expect(pool.apply_async(compute, n), n % 3 == 0);
    case 6:
        return expect_value_in_the_end(pool.apply_async(stubborn, compute, n), compute(n));
    default:
        return expect_value_in_the_end(pool.apply_async(stubborn, throw_half_the_time, n), compute(n));
    }
}

inline check submit(mp::basic_pool& pool, std::mt19937_64& random) {
    const auto n = random();
    const auto kind = random() % 1000;
    if (kind < 40) {
        return submit_special(pool, n);
    }
    if (kind < 700) {
        return expect_value(pool.apply_async(compute, n), compute(n));
    }
    if (kind < 800) {
        const auto size = random() % (100 << 10);
        return expect_value(pool.apply_async(text, n, size), text(n, size));
    }
    if (kind < 900) {
        auto argument = text(n, random() % (100 << 10));
        auto task = pool.apply_async(there_and_back, argument);
        return expect_value(std::move(task), argument + "!");
    }
    if (kind < 905) {
        auto argument = text(n, 5 << 20);
        auto task = pool.apply_async(there_and_back, argument);
        return expect_value(std::move(task), argument + "!");
    }
    if (kind < 980) {
        return expect_exception<std::out_of_range>(pool.apply_async(throw_number, n), std::to_string(n));
    }
    if (kind < 990) {
        return expect_exception<std::domain_error>(pool.apply_async(make_defiant), "not to be saved");
    }
    return expect_death(pool.apply_async(crash, static_cast<unsigned>(n)));
}

} // namespace chaos
