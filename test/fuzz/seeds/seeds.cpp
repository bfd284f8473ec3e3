// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// Writes the corpus again, after a change of how something travels: `fuzz_seeds test/fuzz/corpus`. One file
// for each value.
#include "../values.hpp"

#include "child/outcome.hpp"
#include "start/handover.hpp"
#include "wire/frame.hpp"

#include <multiprocessing/error.hpp>
#include <multiprocessing/function.hpp>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <future>
#include <ios>
#include <regex>
#include <span>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

namespace mp = multiprocessing;
namespace detail = multiprocessing::detail;
using namespace fuzz;

namespace {

/// The folder of one target, emptied.
class corpus {
public:
    corpus(const std::filesystem::path& root, const std::string& target) : folder_(root / target) {
        std::filesystem::remove_all(folder_);
        std::filesystem::create_directories(folder_);
    }

    void add(std::span<const std::byte> bytes) {
        std::ofstream file(folder_ / (std::to_string(++last_) + ".bin"), std::ios::binary);
        file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
        if (!file.flush()) {
            throw std::runtime_error("cannot write to " + folder_.string());
        }
    }

private:
    std::filesystem::path folder_;
    int last_ = 0;
};

template <class T, std::size_t I = 0>
constexpr std::uint8_t number_of() {
    if constexpr (std::same_as<std::tuple_element_t<I, value_types>, T>) {
        return I;
    } else {
        return number_of<T, I + 1>();
    }
}

template <class T>
void add_value(corpus& values, const T& value) {
    detail::bytes bytes;
    mp::encoder out(bytes);
    out.put(number_of<T>());
    out.put(value);
    values.add(bytes);
}

void write_values(corpus values) {
    using namespace std::string_literals;
    add_value(values, std::int32_t{42});
    add_value(values, true);
    add_value(values, colour::green);
    add_value(values, point{1, 2});
    add_value(values, "text"s);
    add_value(values, U"text"s);
    add_value(values, std::vector<std::int32_t>{1, 2, 3});
    add_value(values, std::vector<point>{{1, 2}, {3, 4}});
    add_value(values, std::vector<bool>{true, false, true});
    add_value(values, std::vector<std::string>{"a", "", "bc"});
    add_value(values, std::deque<std::int16_t>{1, 2});
    add_value(values, std::list<std::vector<std::string>>{{"a"}, {}, {"b", "c"}});
    add_value(values, std::forward_list<std::string>{"a", "b"});
    add_value(values, std::set<std::string>{"a", "b"});
    add_value(values, std::map<std::string, std::vector<std::int32_t>>{{"a", {1}}, {"b", {}}});
    add_value(values, std::multimap<std::int8_t, std::string>{{1, "a"}, {1, "b"}});
    add_value(values, std::unordered_map<std::int32_t, std::string>{{1, "a"}, {2, "b"}});
    add_value(values, std::array<std::string, 3>{"a", "b", "c"});
    add_value(values, std::array<std::variant<std::int32_t, bool>, 2>{5, true});
    add_value(values, std::array<bool, 3>{true, false, true});
    add_value(values, std::pair<bool, std::string>(true, "a"));
    add_value(values, std::tuple<std::int8_t, std::string, std::int64_t>(1, "a", 2));
    add_value(values, std::optional<std::optional<std::string>>("a"));
    add_value(values, std::vector<std::optional<std::int32_t>>{1, std::nullopt});
    add_value(values, std::variant<std::int32_t, std::string, std::vector<bool>>("a"));
    add_value(values, std::vector<std::variant<std::monostate, std::string, point>>{{}, "a", point{1, 2}});
    add_value(values, std::make_unique<std::string>("a"));
    add_value(values, std::vector<std::shared_ptr<std::int32_t>>{std::make_shared<std::int32_t>(1), nullptr});
    add_value(values, order{1, "Ada", {1, 2}, point{3, 4}});
    add_value(values, std::vector<order>{{1, "Ada", {}, {}}, {2, "Ben", {3}, {}}});
    add_value(values, tree{"root", {{"left", {}}, {"right", {{"leaf", {}}}}}});
    add_value(values, chain{std::make_unique<chain>(chain{std::make_unique<chain>()})});
    add_value(values, account("Ada", 5));
    add_value(values, std::map<std::int32_t, account>{{1, account("Ada", 5)}});
    add_value(values, std::filesystem::path("/tmp/a"));
    add_value(values, std::vector<std::filesystem::path>{"a", "b/c"});
    add_value(values, std::chrono::nanoseconds(5));
    add_value(values, std::vector<nothing>(3));
    add_value(values, std::map<nothing, std::vector<nothing>>{{{}, {{}, {}}}});
    add_value(values, std::vector<std::tuple<>>(2));
    add_value(values, std::vector<std::vector<std::vector<std::uint8_t>>>{{{1}, {}}, {}, {{2, 3}}});
}

template <class Thrower>
void add_exception(corpus& outcomes, const Thrower& thrower) {
    detail::bytes outcome;
    try {
        thrower();
    } catch (...) {
        detail::put_exception(std::current_exception(), outcome);
    }
    outcomes.add(outcome);
}

void write_outcomes(corpus outcomes) {
    auto value = mp::encode(std::string("value"));
    value.insert(value.begin(), std::byte{0});
    outcomes.add(value);
    add_exception(outcomes, [] { throw std::runtime_error("why"); });
    add_exception(outcomes, [] { throw std::bad_alloc(); });
    add_exception(outcomes, [] { throw std::system_error(ENOENT, std::system_category(), "opening"); });
    add_exception(outcomes, [] { throw std::system_error(ENOENT, std::generic_category()); });
    add_exception(outcomes, [] { throw std::ios_base::failure("reading", std::io_errc::stream); });
    add_exception(outcomes, [] {
        throw std::filesystem::filesystem_error("copying", "/a", "/b",
                                                std::make_error_code(std::errc::file_exists));
    });
    add_exception(outcomes, [] { throw std::future_error(std::future_errc::no_state); });
    add_exception(outcomes, [] { throw std::regex_error(std::regex_constants::error_brack); });
    add_exception(outcomes, [] { throw mp::worker_died(4711, -9, "killed"); });
    add_exception(outcomes, [] {
        throw mp::start_failed(std::make_error_code(std::errc::not_enough_memory), "no room");
    });
    add_exception(outcomes, [] { throw mp::decode_failed("why"); });
    add_exception(outcomes, [] { throw mp::remote_error("my::type", "why"); });
    add_exception(outcomes, [] { throw 42; });
    add_exception(outcomes, [] {
        try {
            try {
                throw std::out_of_range("innermost");
            } catch (...) {
                std::throw_with_nested(mp::queue_closed("middle"));
            }
        } catch (...) {
            std::throw_with_nested(std::runtime_error("outermost"));
        }
    });
}

int add(int a, int b) {
    return a + b;
}

void write_handovers(corpus handovers) {
    const auto handover_of = [](const detail::call& call) {
        return mp::encode(detail::handover{.parent_pid = 4711,
                                           .parent = 5,
                                           .detached = 6,
                                           .inherited = {7, 8},
                                           .name = "process-1",
                                           .parent_name = "main",
                                           .call = call.encoded});
    };
    handovers.add(handover_of(detail::make_call(&add, 1, 2)));
    handovers.add(handover_of(detail::make_call([](const std::string&) {}, "text")));
    handovers.add(handover_of(detail::call()));
}

void write_frames(corpus frames) {
    const auto add_frame = [&](detail::frame_kind kind, detail::frame_route route, std::uint64_t size,
                               std::size_t in_message) {
        detail::bytes message;
        mp::encoder(message).put(detail::frame_header{1, 2, size, kind, route});
        for (std::size_t i = 0; i != in_message; ++i) {
            message.append("x", 1);
        }
        frames.add(message);
    };
    using detail::frame_kind;
    using detail::frame_route;
    add_frame(frame_kind::ready, frame_route::in_message, 0, 0);
    add_frame(frame_kind::result, frame_route::in_message, 100, 100);
    add_frame(frame_kind::result, frame_route::in_heap, 100'000, sizeof(detail::heap_place));
    add_frame(frame_kind::result, frame_route::by_courier, 100'000'000, 0);
    add_frame(frame_kind::task, frame_route::in_message, 10, 10);
    add_frame(frame_kind::initializer_failed, frame_route::in_message, 10, 10);
    add_frame(frame_kind::result, frame_route::in_message, 100, 10); // less than it says
}

void write_messages(corpus messages) {
    const auto some = mp::encode(std::vector<std::string>{"one", "twotwotwo"});
    const auto none = mp::encode(std::vector<std::string>{});
    const auto add_packet = [&](std::uint64_t size, std::uint32_t descriptors,
                                const std::vector<std::byte>& message) {
        detail::bytes packet;
        mp::encoder out(packet);
        out << std::byte{0} << size << descriptors << descriptors;
        packet.append(message.data(), message.size());
        messages.add(packet);
    };
    add_packet(some.size(), 0, some);
    add_packet(none.size(), 0, none);
    add_packet(1'000'000, 1, {}); // in memory that did not come
    const auto add_stream = [&](std::uint64_t size, const std::vector<std::byte>& message, int times) {
        detail::bytes stream;
        mp::encoder out(stream);
        out << std::byte{1};
        for (int i = 0; i != times; ++i) {
            out << size;
            stream.append(message.data(), message.size());
        }
        messages.add(stream);
    };
    add_stream(some.size(), some, 3);
    add_stream(some.size() + 1, some, 1); // ends before it is complete
    add_stream(std::uint64_t{1} << 60, some, 1);
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return EXIT_FAILURE;
    }
    write_values({argv[1], "value"});
    write_outcomes({argv[1], "outcome"});
    write_handovers({argv[1], "handover"});
    write_frames({argv[1], "frame"});
    write_messages({argv[1], "connection"});
}
