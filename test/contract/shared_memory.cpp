// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include <multiprocessing/shared_memory.hpp>
#include <multiprocessing/shared_value.hpp>

#include "support/fault.hpp"
#include "support/gate.hpp"
#include "support/leaves_nothing.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <complex>
#include <csignal>
#include <limits>
#include <numeric>

using namespace fault;

namespace {

/// A name of its own for each test, which is gone afterwards.
class scratch_name {
public:
    scratch_name() {
        static unsigned last = 0;
        text_ = "fault-tests-" + std::to_string(::getpid()) + "-" + std::to_string(++last);
    }
    ~scratch_name() { std::filesystem::remove(path()); }
    scratch_name(const scratch_name&) = delete;
    scratch_name& operator=(const scratch_name&) = delete;
    [[nodiscard]] const std::string& text() const noexcept { return text_; }
    [[nodiscard]] std::filesystem::path path() const { return std::filesystem::path("/dev/shm") / text_; }
    [[nodiscard]] bool exists() const { return std::filesystem::exists(path()); }

private:
    std::string text_;
};

bool is_gone(const mp::resource_error& e) {
    return e.code() == std::errc::no_such_file_or_directory;
}

std::size_t count(const mp::shared_memory& memory, std::byte value) {
    return static_cast<std::size_t>(std::ranges::count(memory.bytes(), value));
}
void fill(mp::shared_memory memory, std::byte value) {
    std::ranges::fill(memory.bytes(), value);
}
void fill_by_name(const std::string& name, std::byte value) {
    fill(mp::shared_memory::attach(name), value);
}
mp::shared_memory same(mp::shared_memory memory) {
    return memory;
}
void make_and_stay(mp::queue<std::string> names) {
    const auto memory = mp::shared_memory::create(1000);
    names.put(memory.name());
    stay();
}
void make_named_and_die(const std::string& name) {
    const auto memory = mp::shared_memory::create(name, 1000);
    memory.bytes()[999] = std::byte{9};
    std::raise(SIGKILL);
}

/// Larger than a processor changes at once, and whole or torn as anybody can see.
struct wide {
    std::array<long, 64> numbers{};
    static wide of(long n) {
        wide result;
        result.numbers.fill(n);
        return result;
    }
    [[nodiscard]] bool is_whole() const {
        return std::ranges::all_of(numbers, [&](long n) { return n == numbers[0]; });
    }
    bool operator==(const wide&) const = default;
};

void add_often(const mp::shared_value<long>& value, int times) {
    for (int i = 0; i != times; ++i) {
        value.fetch_add(1);
    }
}
void update_often(const mp::shared_value<wide>& value, int times) {
    for (int i = 0; i != times; ++i) {
        value.update([](const wide& w) { return wide::of(w.numbers[0] + 1); });
    }
}
void store_for_ever(const mp::shared_value<wide>& value, mp::shared_value<int> begun) {
    for (long n = 1;; ++n) {
        value.store(wide::of(n));
        begun.store(1);
    }
}
mp::shared_value<int> incremented(mp::shared_value<int> value) {
    value.fetch_add(1);
    return value;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(shared_memory, leaves_nothing)

// Bytes

BOOST_AUTO_TEST_CASE(is_zeros_of_the_size_that_was_asked_for) {
    const auto memory = mp::shared_memory::create(1001);
    BOOST_TEST(memory.size() == 1001U);
    BOOST_TEST(count(memory, std::byte{0}) == 1001U);
    BOOST_TEST(reinterpret_cast<std::uintptr_t>(memory.bytes().data()) % 4096 == 0U);
}

BOOST_AUTO_TEST_CASE(a_size_that_makes_no_sense_is_an_error_that_leaves_nothing) {
    const scratch_name name;
    BOOST_CHECK_THROW((void)mp::shared_memory::create(0), std::invalid_argument);
    BOOST_CHECK_THROW((void)mp::shared_memory::create(std::numeric_limits<std::size_t>::max()),
                      std::length_error);
    BOOST_CHECK_THROW((void)mp::shared_memory::create(name.text(), std::size_t{1} << 55), mp::resource_error);
    BOOST_TEST(!name.exists());
}

BOOST_AUTO_TEST_CASE(is_the_same_for_those_who_get_a_handle_or_attach) {
    auto memory = mp::shared_memory::create(1000);
    mp::pool pool(1);
    pool.apply(fill, memory, std::byte{1});
    BOOST_TEST(count(memory, std::byte{1}) == 1000U);
    pool.apply(fill_by_name, memory.name(), std::byte{2});
    BOOST_TEST(count(memory, std::byte{2}) == 1000U);
    fill(pool.apply(same, memory), std::byte{3});
    BOOST_TEST(count(memory, std::byte{3}) == 1000U);
    mp::queue<mp::shared_memory> queue;
    queue.put(memory);
    BOOST_TEST(count(queue.get(), std::byte{3}) == 1000U);
}

BOOST_AUTO_TEST_CASE(without_a_name_of_its_own_it_goes_with_its_makers_last_handle) {
    std::string name;
    auto encoded = mp::encode(mp::shared_memory::create(10));
    BOOST_CHECK_EXCEPTION((void)mp::decode<mp::shared_memory>(encoded), mp::resource_error, is_gone);
    {
        const auto memory = mp::shared_memory::create(10);
        name = memory.name();
        const auto attached = mp::shared_memory::attach(name);
        attached.bytes()[3] = std::byte{4};
        BOOST_TEST((memory.bytes()[3] == std::byte{4}));
    }
    BOOST_CHECK_EXCEPTION((void)mp::shared_memory::attach(name), mp::resource_error, is_gone);
}

BOOST_AUTO_TEST_CASE(who_has_attached_keeps_it) {
    std::optional memory(mp::shared_memory::create(10));
    const auto attached = mp::shared_memory::attach(memory->name());
    memory->bytes()[0] = std::byte{5};
    memory.reset();
    BOOST_TEST((attached.bytes()[0] == std::byte{5}));
}

BOOST_AUTO_TEST_CASE(with_a_name_of_its_own_it_stays_until_it_is_unlinked) {
    const scratch_name name;
    (void)mp::shared_memory::create(name.text(), 1000);
    auto memory = mp::shared_memory::attach(name.text());
    BOOST_TEST(memory.size() == 1000U);
    BOOST_TEST(memory.name() == name.text());
    BOOST_CHECK_EXCEPTION((void)mp::shared_memory::create(name.text(), 5), mp::resource_error,
                          [](const auto& e) { return e.code() == std::errc::file_exists; });
    memory.unlink();
    memory.unlink();
    BOOST_TEST(!name.exists());
    memory.bytes()[7] = std::byte{1}; // still mine
    BOOST_CHECK_EXCEPTION((void)mp::shared_memory::attach(name.text()), mp::resource_error, is_gone);
    auto next = mp::shared_memory::create(name.text(), 5);
    next.unlink();
}

BOOST_AUTO_TEST_CASE(what_cannot_be_a_name_is_refused) {
    for (const std::string name : {"", "a/b", "..", "multiprocessing-x"}) {
        BOOST_CHECK_THROW((void)mp::shared_memory::create(name, 5), std::invalid_argument);
    }
    BOOST_CHECK_THROW((void)mp::shared_memory::create(std::string(256, 'x'), 5), std::invalid_argument);
    BOOST_CHECK_THROW((void)mp::shared_memory::attach(""), std::invalid_argument);
    BOOST_CHECK_THROW((void)mp::shared_memory::attach("a/b"), mp::resource_error);
}

BOOST_AUTO_TEST_CASE(what_others_have_made_can_be_attached_to) {
    const scratch_name name;
    std::ofstream(name.path()) << "hello";
    const auto memory = mp::shared_memory::attach(name.text());
    BOOST_TEST(memory.size() == 5U);
    BOOST_TEST((memory.bytes()[1] == std::byte{'e'}));
    const scratch_name empty;
    std::ofstream(empty.path()).flush();
    BOOST_CHECK_THROW((void)mp::shared_memory::attach(empty.text()), mp::resource_error);
}

BOOST_AUTO_TEST_CASE(a_handle_to_other_memory_of_that_name_is_an_error) {
    const scratch_name name;
    auto memory = mp::shared_memory::create(name.text(), 10);
    const auto encoded = mp::encode(memory);
    memory.unlink();
    (void)mp::shared_memory::create(name.text(), 11);
    BOOST_CHECK_THROW((void)mp::decode<mp::shared_memory>(encoded), mp::decode_failed);
}

BOOST_AUTO_TEST_CASE(the_death_of_its_maker_leaves_what_has_a_name_of_its_own_and_nothing_else) {
    const scratch_name name;
    mp::process named(make_named_and_die, name.text());
    named.start();
    named.join();
    {
        auto memory = mp::shared_memory::attach(name.text());
        BOOST_TEST((memory.bytes()[999] == std::byte{9}));
        start_a_program(); // which removes what belongs to nobody
        BOOST_TEST(name.exists());
        memory.unlink();
    }
    mp::queue<std::string> names;
    mp::process unnamed(make_and_stay, names);
    unnamed.start();
    const auto attached = mp::shared_memory::attach(names.get());
    const auto pid = unnamed.pid();
    unnamed.kill();
    unnamed.join();
    BOOST_TEST(attached.bytes().size() == 1000U);
    start_a_program();
    BOOST_TEST(names_of(pid).empty());
}

// Values

BOOST_AUTO_TEST_CASE(a_value_is_changed_as_an_atomic_is) {
    const mp::shared_value<int> value(5);
    static_assert(mp::shared_value<int>::is_lock_free);
    BOOST_TEST(value.load() == 5);
    value.store(6);
    BOOST_TEST(value.exchange(7) == 6);
    int expected = 6;
    BOOST_TEST(!value.compare_exchange(expected, 8));
    BOOST_TEST(expected == 7);
    BOOST_TEST(value.compare_exchange(expected, 8));
    BOOST_TEST(value.fetch_add(2) == 8);
    BOOST_TEST(value.fetch_sub(1) == 10);
    BOOST_TEST(value.update([](int n) { return n * n; }) == 9);
    BOOST_TEST(value.load() == 81);
    const mp::shared_value<double> number;
    BOOST_TEST(number.fetch_add(0.5) == 0.0);
    BOOST_TEST(number.load() == 0.5);
}

BOOST_AUTO_TEST_CASE(so_is_one_that_is_larger_than_a_processor_changes_at_once) {
    const mp::shared_value<wide> value(wide::of(5));
    static_assert(!mp::shared_value<wide>::is_lock_free);
    value.store(wide::of(6));
    BOOST_TEST(value.exchange(wide::of(7)).numbers[63] == 6);
    auto expected = wide::of(6);
    BOOST_TEST(!value.compare_exchange(expected, wide::of(8)));
    BOOST_TEST((expected == wide::of(7)));
    BOOST_TEST(value.compare_exchange(expected, wide::of(8)));
    BOOST_CHECK_THROW(value.update([](const wide&) -> wide { throw std::runtime_error("no"); }),
                      std::runtime_error);
    BOOST_TEST((value.load() == wide::of(8)));
    const mp::shared_value<long double> number(1.5L);
    BOOST_TEST(number.fetch_add(1) == 1.5L);
    BOOST_TEST(number.load() == 2.5L);
}

BOOST_AUTO_TEST_CASE(handles_to_a_value_are_the_same_value_wherever_they_are) {
    const mp::shared_value<long> value;
    const mp::shared_value<wide> large;
    mp::pool pool(2);
    std::vector<mp::future<void>> tasks;
    for (int i = 0; i != 4; ++i) {
        tasks.push_back(pool.apply_async(add_often, value, 1000));
        tasks.push_back(pool.apply_async(update_often, large, 1000));
    }
    for (auto& task : tasks) {
        task.get();
    }
    BOOST_TEST(value.load() == 4000);
    BOOST_TEST((large.load() == wide::of(4000)));
    const mp::shared_value<int> counter;
    BOOST_TEST(pool.apply(incremented, counter).load() == 1);
    BOOST_TEST(counter.load() == 1);
}

BOOST_AUTO_TEST_CASE(a_killed_process_leaves_the_old_value_or_the_new_one) {
    const mp::shared_value<wide> value;
    for (int i = 0; i != 30; ++i) {
        const mp::shared_value<int> begun;
        mp::process writer({.start_method = mp::start_method::fork}, store_for_ever, value, begun);
        writer.start();
        BOOST_TEST_REQUIRE(eventually([&] { return begun.load() == 1; }));
        writer.kill();
        writer.join();
        BOOST_TEST(value.load().is_whole());
        value.store(wide::of(-1));
        BOOST_TEST((value.load() == wide::of(-1)));
    }
}

BOOST_AUTO_TEST_CASE(what_is_no_value_is_refused) {
    const mp::shared_array<int> two(2);
    BOOST_CHECK_THROW((void)mp::decode<mp::shared_value<int>>(mp::encode(two)), mp::decode_failed);
}

BOOST_AUTO_TEST_SUITE_END()
