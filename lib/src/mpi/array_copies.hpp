// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "ipc/shared_array.hpp"
#include "mpi/node_message.hpp"
#include "mpi/places.hpp"

#include <cstddef>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace multiprocessing::detail {

/// A shared array that a task refers to. Does not keep it.
struct array_in_use {
    std::string name;
    std::weak_ptr<array_core> array;
    std::span<const std::byte> elements; // as long as that is there
};
/// Those among what a call keeps for its arguments.
[[nodiscard]] std::vector<array_in_use> arrays_among(const std::vector<std::shared_ptr<const void>>& kept);
[[nodiscard]] std::vector<std::string> names_of(const std::vector<array_in_use>& arrays);

/// Which nodes have which of this process's arrays. A node gets an array once, before the first task that
/// refers to it, and forgets it when the last handle here is gone. Not thread-safe.
class array_copies {
public:
    /// What to tell a node before it gets something that refers to these.
    [[nodiscard]] std::vector<node_message> missing_at(node_id node, const std::vector<array_in_use>& used);
    /// The node is gone, with its copies.
    void remove_node(node_id node);
    /// What to tell nodes of arrays that have gone since the last call.
    [[nodiscard]] std::vector<std::pair<node_id, node_message>> gone();

private:
    struct copied {
        std::weak_ptr<array_core> array;
        std::set<node_id> nodes{};
    };
    std::map<std::string, copied> arrays_;
};

} // namespace multiprocessing::detail
