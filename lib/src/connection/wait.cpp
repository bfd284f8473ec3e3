// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include <multiprocessing/wait.hpp>

#include "os/poll.hpp"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>

namespace multiprocessing::detail {
namespace {

void check(std::span<const waitable> objects) {
    if (objects.empty()) {
        throw std::invalid_argument("multiprocessing::wait: nothing to wait for");
    }
    for (const auto& object : objects) {
        if (object.is_future() ? object.future() == nullptr : object.descriptor() < 0) {
            throw std::logic_error(
                "multiprocessing::wait: a process that was not started, or a future without an outcome");
        }
    }
}

/// Makes futures something that can be polled: the first that completes sets a flag.
class futures_as_descriptor {
public:
    explicit futures_as_descriptor(std::span<const waitable> objects)
        : flag_(std::make_shared<const os::descriptor>(os::make_flag())) {
        for (const auto& object : objects) {
            if (object.is_future()) {
                hooks_.emplace_back(object.future(), 0);
                // It may be run while it is being taken back, and so owns the flag.
                hooks_.back().second =
                    object.future()->on_ready([flag = flag_] { os::set_flag(flag->get()); });
            }
        }
    }
    ~futures_as_descriptor() {
        for (const auto& [future, hook] : hooks_) {
            future->unhook(hook);
        }
    }
    futures_as_descriptor(const futures_as_descriptor&) = delete;
    futures_as_descriptor& operator=(const futures_as_descriptor&) = delete;

    [[nodiscard]] int get() const noexcept { return flag_->get(); }

private:
    std::shared_ptr<const os::descriptor> flag_;
    std::vector<std::pair<std::shared_ptr<completion>, std::uint64_t>> hooks_;
};

} // namespace

std::vector<std::size_t> wait_for_ready(std::span<const waitable> objects, const wait_limit& limit) {
    check(objects);
    os::poll_set all;
    std::vector<std::size_t> places(objects.size());
    for (std::size_t i = 0; i != objects.size(); ++i) {
        if (!objects[i].is_future()) {
            places[i] = all.add(objects[i].descriptor());
        }
    }
    std::optional<futures_as_descriptor> futures;
    if (std::ranges::any_of(objects, &waitable::is_future)) {
        futures.emplace(objects);
        all.add(futures->get());
    }
    all.wait(limit);
    std::vector<std::size_t> ready;
    for (std::size_t i = 0; i != objects.size(); ++i) {
        if (objects[i].is_future() ? objects[i].future()->ready() : all.is_readable(places[i])) {
            ready.push_back(i);
        }
    }
    return ready;
}

} // namespace multiprocessing::detail
