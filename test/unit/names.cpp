// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "ipc/names.hpp"

#include "os/memory.hpp"
#include "os/process.hpp"

#include "support/leaves_nothing.hpp"

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>
#include <multiprocessing/error.hpp>
#include <optional>
#include <set>
#include <string>
#include <sys/resource.h>
#include <system_error>

namespace detail = multiprocessing::detail;
namespace os = multiprocessing::os;

namespace {

/// A file in /dev/shm, removed in the end if nobody has done so before.
class entry {
public:
    explicit entry(const std::string& name) : path_("/dev/shm/" + name) { std::ofstream(path_) << "x"; }
    ~entry() { std::filesystem::remove(path_); }
    entry(const entry&) = delete;
    entry& operator=(const entry&) = delete;
    [[nodiscard]] bool exists() const { return std::filesystem::exists(path_); }

private:
    std::filesystem::path path_;
};

std::string name_made_by(const os::process_identity& maker) {
    return "multiprocessing-" + std::to_string(maker.pid_namespace) + "-" + std::to_string(maker.pid) + "-" +
           std::to_string(maker.start_time) + "-0123456789abcdef";
}

/// Had this process's id before it was used again.
os::process_identity somebody_dead() {
    auto identity = os::this_process();
    --identity.start_time;
    return identity;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(names, leaves_nothing)

BOOST_AUTO_TEST_CASE(every_name_is_a_new_one) {
    std::set<std::string> made;
    for (int i = 0; i != 1000; ++i) {
        made.insert(detail::make_name());
    }
    BOOST_TEST(made.size() == 1000U);
}

// One without the time at which its maker started would seem to be a dead one's, and be removed by others.
BOOST_AUTO_TEST_CASE(without_descriptors_there_is_an_error_instead_of_a_name) {
    rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    auto none = before;
    none.rlim_cur = 0;
    ::setrlimit(RLIMIT_NOFILE, &none);
    std::optional<std::errc> refused;
    try {
        (void)detail::make_name();
    } catch (const multiprocessing::resource_error& e) {
        refused = static_cast<std::errc>(e.code().value());
    }
    ::setrlimit(RLIMIT_NOFILE, &before);
    BOOST_TEST((refused == std::errc::too_many_files_open));
}

BOOST_AUTO_TEST_CASE(a_name_tells_who_made_it) {
    const auto name = detail::make_name();
    const auto mine = name_made_by(os::this_process());
    BOOST_TEST(name.substr(0, name.rfind('-')) == mine.substr(0, mine.rfind('-')));
}

BOOST_AUTO_TEST_CASE(a_name_is_no_path) {
    BOOST_TEST(detail::make_name().find('/') == std::string::npos);
    BOOST_TEST(detail::make_name().size() < 200U); // NAME_MAX is 255, and names are derived from it
}

BOOST_AUTO_TEST_CASE(names_of_the_dead_are_removed) {
    const entry left(name_made_by(somebody_dead()));
    const entry derived(name_made_by(somebody_dead()) + "-tasks");
    detail::remove_names_of_the_dead();
    BOOST_TEST(!left.exists());
    BOOST_TEST(!derived.exists());
}

BOOST_AUTO_TEST_CASE(names_of_the_dead_are_kept_while_others_use_what_they_belong_to) {
    const auto name = name_made_by(somebody_dead());
    auto used = os::make_memory("used");
    const auto number = os::file_number(used.get());
    const entry kept(detail::name_of_users(name, number) + "-1");
    os::announce_use(used.get());
    detail::remove_names_of_the_dead();
    BOOST_TEST(kept.exists());
    used = os::descriptor();
    detail::remove_names_of_the_dead();
    BOOST_TEST(!kept.exists());
}

BOOST_AUTO_TEST_CASE(names_of_the_living_are_kept) {
    const entry mine(detail::make_name());
    detail::remove_names_of_the_dead();
    BOOST_TEST(mine.exists());
}

BOOST_AUTO_TEST_CASE(names_from_another_pid_namespace_are_kept) {
    // Whether their maker lives cannot be seen from here.
    auto elsewhere = somebody_dead();
    ++elsewhere.pid_namespace;
    const entry theirs(name_made_by(elsewhere));
    detail::remove_names_of_the_dead();
    BOOST_TEST(theirs.exists());
}

BOOST_AUTO_TEST_CASE(names_of_others_are_kept) {
    const auto dead = name_made_by(somebody_dead());
    const entry other("another-" + dead);
    const entry similar("multiprocessing.py-test-names");
    const entry incomplete("multiprocessing-1-2");
    const entry not_numbers("multiprocessing-a-b-c-d");
    detail::remove_names_of_the_dead();
    BOOST_TEST(other.exists());
    BOOST_TEST(similar.exists());
    BOOST_TEST(incomplete.exists());
    BOOST_TEST(not_numbers.exists());
}

BOOST_AUTO_TEST_CASE(a_name_is_removed_with_those_derived_from_it_and_no_other) {
    const auto name = detail::make_name();
    const entry itself(name);
    const entry derived(name + "-control");
    const entry other(detail::make_name());
    detail::remove_names_beginning_with(name);
    BOOST_TEST(!itself.exists());
    BOOST_TEST(!derived.exists());
    BOOST_TEST(other.exists());
}

BOOST_AUTO_TEST_SUITE_END()
