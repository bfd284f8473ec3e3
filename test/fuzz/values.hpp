// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <multiprocessing/serialize.hpp>

#include <array>
#include <bitset>
#include <chrono>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <forward_list>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

/// The types of values that are fuzzed: one for each way to travel, and some that combine them.
namespace fuzz {

enum class colour : std::uint8_t { red, green };

struct point { // as its bytes
    std::int32_t x = 0;
    std::int32_t y = 0;
    bool operator==(const point&) const = default;
};

struct order { // member by member
    std::int32_t id = 0;
    std::string customer{};
    std::vector<std::int16_t> prices{};
    std::optional<point> place{};
    bool operator==(const order&) const = default;
};

struct tree { // contains its own type
    std::string name{};
    std::vector<tree> branches{};
    bool operator==(const tree&) const = default;
};

struct chain {
    std::unique_ptr<chain> next{};
};

class account { // through its serialize
public:
    account() = default;
    account(std::string owner, std::int64_t balance) : owner_(std::move(owner)), balance_(balance) {}
    template <class Archive>
    void serialize(Archive& archive, unsigned) {
        archive& owner_& balance_& notes_;
    }
    bool operator==(const account&) const = default;

private:
    std::string owner_;
    std::int64_t balance_ = 0;
    std::map<std::string, std::string> notes_;
};

struct nothing { // takes no bytes
    template <class Archive>
    void serialize(Archive&, unsigned) {}
    auto operator<=>(const nothing&) const = default;
};

/// The first byte of an input says which of them the rest is to be. New ones go to the end: the corpus
/// counts.
using value_types =
    std::tuple<std::int32_t, bool, colour, point, std::string, std::u32string, std::vector<std::int32_t>,
               std::vector<point>, std::vector<bool>, std::vector<std::string>, std::deque<std::int16_t>,
               std::list<std::vector<std::string>>, std::forward_list<std::string>, std::set<std::string>,
               std::map<std::string, std::vector<std::int32_t>>, std::multimap<std::int8_t, std::string>,
               std::unordered_map<std::int32_t, std::string>, std::array<std::string, 3>,
               std::array<std::variant<std::int32_t, bool>, 2>, std::array<bool, 3>,
               std::pair<bool, std::string>, std::tuple<std::int8_t, std::string, std::int64_t>,
               std::optional<std::optional<std::string>>, std::vector<std::optional<std::int32_t>>,
               std::variant<std::int32_t, std::string, std::vector<bool>>,
               std::vector<std::variant<std::monostate, std::string, point>>, std::unique_ptr<std::string>,
               std::vector<std::shared_ptr<std::int32_t>>, order, std::vector<order>, tree, chain, account,
               std::map<std::int32_t, account>, std::filesystem::path, std::vector<std::filesystem::path>,
               std::chrono::nanoseconds, std::vector<nothing>, std::map<nothing, std::vector<nothing>>,
               std::vector<std::tuple<>>, std::vector<std::vector<std::vector<std::uint8_t>>>>;

} // namespace fuzz
