// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "pool/schedule.hpp"

#include <multiprocessing/detail/wait_limit.hpp>

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <vector>

namespace multiprocessing::detail {

using node_id = std::size_t; // from 0 on; an agent that replaces another has a new one

/// The credits of nodes: places for one task each, which the schedule takes for workers.
///
///     vacant ----> at a node, free <----> at a node, with a task
///                         |                     |
///                         +------> gone <-------+
///
/// A node's first places are its workers; further ones keep tasks ready there, so that no worker waits for
/// the network, and there are the more of them the shorter tasks are. A place is at one node for its life. A
/// node gets as many as it wants, and no more; what it has too many it is to be rid of. Not thread-safe.
class places {
public:
    /// Places at a node for each of its workers: what it runs and what it begins next. More would keep long
    /// tasks waiting there while others have nothing to do.
    static constexpr std::size_t least_per_worker = 2;

    /// A node gets at most so many for each of its workers.
    void set_most_per_worker(std::size_t most) noexcept { most_per_worker_ = most; }

    /// One more, vacant.
    void add(worker_id place);
    /// Wherever it is.
    void remove(worker_id place);
    /// All that are vacant.
    std::set<worker_id> remove_vacant();

    /// From now on the node gets some.
    void add_node(node_id node, std::size_t workers);
    struct occupied {
        worker_id place;
        task_id task; ///< 0: none
    };
    /// The node is gone, with its places, which were these.
    std::vector<occupied> remove_node(node_id node);

    /// The node that the place is at.
    [[nodiscard]] std::optional<node_id> node_of(worker_id place) const;
    /// 0: none. The place has to be at a node.
    [[nodiscard]] task_id task_at(worker_id place) const { return at_.at(place).task; }
    void task_sent(worker_id place, task_id task) { at_.at(place).task = task; }
    void task_finished(worker_id place);

    /// Gives nodes what they want, one each, again and again, so that those places which are the first to get
    /// tasks are spread. Returns the places that are at a node now.
    [[nodiscard]] std::vector<worker_id> fill();
    /// A node is to have work ahead for a short time, in tasks of the length that they have had since the
    /// last call. Returns the places that are too many.
    [[nodiscard]] std::vector<worker_id> adapt(steady_time now);

private:
    struct node {
        std::size_t workers;
        std::size_t wanted;
        std::size_t finished = 0; // tasks, since the last look
        std::set<worker_id> places{};
    };
    struct position {
        node_id node;
        task_id task;
    };

    std::size_t most_per_worker_ = least_per_worker;
    std::map<node_id, node> nodes_;
    std::unordered_map<worker_id, position> at_;
    std::set<worker_id> vacant_;
    bool has_news_ = false; // some node may want a place, and there may be one
    steady_time last_look_ = std::chrono::steady_clock::now();
};

} // namespace multiprocessing::detail
