// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "wire/channel.hpp"

#include "wire/ring_channel.hpp"
#include "wire/socket_channel.hpp"

namespace multiprocessing::detail {

std::vector<int> channel_handle::descriptors() const {
    std::vector<int> all{socket, bell, control, task_heap, result_heap};
    std::erase(all, -1);
    return all;
}

channel_handle channel_handle::renumbered(int (*number_here)(int)) const {
    auto result = *this;
    for (int* number :
         {&result.socket, &result.bell, &result.control, &result.task_heap, &result.result_heap}) {
        *number = *number < 0 ? -1 : number_here(*number);
    }
    return result;
}

std::size_t most_under_way(isolation kind) noexcept {
    return kind == isolation::strict ? socket_channel::most_under_way : ring_channel::most_under_way;
}

std::unique_ptr<channel> make_channel(const pool_options& options, const shared_heap& tasks) {
    if (options.isolation == isolation::strict) {
        return std::make_unique<socket_channel>();
    }
    return std::make_unique<ring_channel>(tasks, options.spin);
}

std::unique_ptr<channel> open_channel(const channel_handle& handle) {
    if (handle.control < 0) {
        return std::make_unique<socket_channel>(handle);
    }
    return std::make_unique<ring_channel>(handle);
}

} // namespace multiprocessing::detail
