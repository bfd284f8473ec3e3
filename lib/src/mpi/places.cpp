// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "mpi/places.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace multiprocessing::detail {
namespace {

/// So much work is kept ready at a node: several times a message's way there and back.
constexpr std::chrono::duration<double> work_ahead = std::chrono::milliseconds(2);

} // namespace

void places::add(worker_id place) {
    vacant_.insert(place);
    has_news_ = true;
}

void places::remove(worker_id place) {
    vacant_.erase(place);
    if (const auto found = at_.find(place); found != at_.end()) {
        nodes_.at(found->second.node).places.erase(place);
        at_.erase(found);
        has_news_ = true;
    }
}

std::set<worker_id> places::remove_vacant() {
    return std::exchange(vacant_, {});
}

void places::add_node(node_id id, std::size_t workers) {
    nodes_.emplace(id, node{.workers = workers, .wanted = least_per_worker * workers});
    has_news_ = true;
}

std::vector<places::occupied> places::remove_node(node_id id) {
    std::vector<occupied> had;
    if (const auto found = nodes_.find(id); found != nodes_.end()) {
        for (const auto place : found->second.places) {
            had.push_back({place, at_.extract(place).mapped().task});
        }
        nodes_.erase(found);
    }
    return had;
}

std::optional<node_id> places::node_of(worker_id place) const {
    const auto found = at_.find(place);
    return found != at_.end() ? std::optional(found->second.node) : std::nullopt;
}

void places::task_finished(worker_id place) {
    auto& where = at_.at(place);
    where.task = 0;
    ++nodes_.at(where.node).finished;
}

std::vector<worker_id> places::fill() {
    std::vector<worker_id> filled;
    for (bool more = std::exchange(has_news_, false); more && !vacant_.empty();) {
        more = false;
        for (auto& [id, each] : nodes_) {
            if (each.places.size() < each.wanted && !vacant_.empty()) {
                const auto place = vacant_.extract(vacant_.begin()).value();
                each.places.insert(place);
                at_.emplace(place, position{id, 0});
                filled.push_back(place);
                more = true;
            }
        }
    }
    return filled;
}

std::vector<worker_id> places::adapt(steady_time now) {
    const std::chrono::duration<double> since = now - std::exchange(last_look_, now);
    std::vector<worker_id> surplus;
    for (auto& [id, each] : nodes_) {
        const auto finished = static_cast<double>(std::exchange(each.finished, 0));
        const auto ahead = static_cast<std::size_t>(std::ceil(finished * work_ahead / since));
        const auto wanted =
            std::min(most_per_worker_ * each.workers, least_per_worker * each.workers + ahead);
        if (wanted > each.wanted || 2 * wanted < each.wanted) {
            each.wanted = std::max(wanted, each.wanted / 2);
            has_news_ = true;
        }
        const auto too_many = each.places.size() - std::min(each.places.size(), each.wanted);
        std::copy_n(each.places.rbegin(), too_many, std::back_inserter(surplus));
    }
    return surplus;
}

} // namespace multiprocessing::detail
