// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "mpi/mpi_watch.hpp"

#include "os/poll.hpp"
#include "os/process.hpp"

#include <cstdlib>
#include <unistd.h>
#include <utility>

namespace multiprocessing::detail {
namespace {

/// How often the watch looks. It counts its looks rather than the time: who stands still with its whole
/// process, or machine, is not to blame for it.
constexpr std::chrono::milliseconds look{500};

/// A call that has not returned by then never will, unless the environment has more patience, or less. By
/// then others have given this process up as well.
constexpr std::chrono::seconds default_longest_call{10};
constexpr const char* patience_variable = "MULTIPROCESSING_MPI_PATIENCE";

std::chrono::seconds patience_in_environment() {
    const char* text = std::getenv(patience_variable);
    const auto seconds = std::chrono::seconds(text == nullptr ? 0 : std::strtol(text, nullptr, 10));
    return seconds > std::chrono::seconds(0) ? seconds : default_longest_call;
}

constexpr std::uint64_t given_up = UINT64_MAX;

} // namespace

mpi_watch::mpi_watch() : longest_call_(patience_in_environment()) {}

mpi_watch& mpi_watch::of_this_process() {
    static auto& watch = *new mpi_watch; // to the end: whoever is given up is there
    return watch;
}

void mpi_watch::start(std::function<void()> go_on) {
    go_on_ = std::move(go_on);
    const os::signals_blocked signals_are_for_the_programs_threads;
    std::thread([this] { run(); }).detach();
}

void mpi_watch::run() {
    os::set_process_name("mp-watch");
    std::uint64_t last = 0;
    for (std::int64_t looks = 0;; std::this_thread::sleep_for(look)) {
        auto now = now_.load();
        looks = now == last && now != 0 ? looks + 1 : 0;
        last = now;
        if (looks > most_looks_.load() && now_.compare_exchange_strong(now, given_up)) {
            go_on_();
            return;
        }
    }
}

mpi_watch::call::call(int times_as_long) noexcept {
    auto& watch = of_this_process();
    number_ = ++watch.calls_;
    watch.most_looks_.store(watch.longest_call_ / look * times_as_long, std::memory_order_relaxed);
    watch.now_.store(number_, std::memory_order_release);
}

mpi_watch::call::~call() {
    if (!of_this_process().now_.compare_exchange_strong(number_, 0)) {
        for (;;) {
            ::pause();
        }
    }
}

} // namespace multiprocessing::detail
