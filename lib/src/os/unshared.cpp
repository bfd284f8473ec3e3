// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "os/unshared.hpp"

#include "os/copy.hpp"

#include <mutex>
#include <set>
#include <utility>

namespace multiprocessing::os {
namespace {

struct unshared {
    std::mutex mutex; // guards what follows
    std::set<int> numbers;
};
unshared& of_this_process() {
    return one_per_process<unshared>();
}

} // namespace

unshared_descriptor::unshared_descriptor(descriptor owned) : owned_(std::move(owned)) {
    auto& all = of_this_process();
    const std::lock_guard lock(all.mutex);
    all.numbers.insert(get());
}

unshared_descriptor::~unshared_descriptor() {
    auto& all = of_this_process();
    const std::lock_guard lock(all.mutex);
    all.numbers.erase(get());
}

std::vector<int> unshared_descriptors() {
    auto& all = of_this_process();
    const std::lock_guard lock(all.mutex);
    return {all.numbers.begin(), all.numbers.end()};
}

} // namespace multiprocessing::os
