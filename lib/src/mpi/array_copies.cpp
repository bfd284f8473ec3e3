// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "mpi/array_copies.hpp"

namespace multiprocessing::detail {

std::vector<array_in_use> arrays_among(const std::vector<std::shared_ptr<const void>>& kept) {
    std::vector<array_in_use> arrays;
    for (const auto& each : kept) {
        if (auto whole = array_behind(each)) {
            arrays.push_back({whole->array->name(), whole->array, whole->elements});
        }
    }
    return arrays;
}

std::vector<std::string> names_of(const std::vector<array_in_use>& arrays) {
    std::vector<std::string> names;
    for (const auto& each : arrays) {
        names.push_back(each.name);
    }
    return names;
}

std::vector<node_message> array_copies::missing_at(node_id node, const std::vector<array_in_use>& used) {
    std::vector<node_message> missing;
    for (const auto& each : used) {
        auto array = each.array.lock();
        if (array != nullptr &&
            arrays_.try_emplace(each.name, copied{array}).first->second.nodes.insert(node).second) {
            missing.push_back({.kind = message_kind::array,
                               .content = content_of_values(each.name),
                               .rest = payload(std::move(array), each.elements)});
        }
    }
    return missing;
}

void array_copies::remove_node(node_id node) {
    for (auto& [name, each] : arrays_) {
        each.nodes.erase(node);
    }
}

std::vector<std::pair<node_id, node_message>> array_copies::gone() {
    std::vector<std::pair<node_id, node_message>> told;
    std::erase_if(arrays_, [&](const auto& each) {
        const bool is_gone = each.second.array.expired();
        if (is_gone) {
            for (const auto node : each.second.nodes) {
                told.emplace_back(node, node_message{.kind = message_kind::forget_array,
                                                     .content = content_of_values(each.first)});
            }
        }
        return is_gone;
    });
    return told;
}

} // namespace multiprocessing::detail
