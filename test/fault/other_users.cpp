// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// What is in /dev/shm is this user's: others can neither open it, nor remove it, nor have been there before.
#include "support/leaves_nothing.hpp"
#include "support/scarce.hpp"

#include <sys/stat.h>

using namespace scarce;

namespace {

using texts = mp::queue<std::string>;

std::string path_of(const std::string& name) {
    return "/dev/shm/" + name;
}

/// A queue and a value beside it, made with a mask that lets everything pass.
class queue_in_the_open {
public:
    queue_in_the_open() : mask_(::umask(0)) { queue.put(std::string(larger_than_kept(), 'x')); }
    ~queue_in_the_open() { ::umask(mask_); }
    queue_in_the_open(const queue_in_the_open&) = delete;
    queue_in_the_open& operator=(const queue_in_the_open&) = delete;

private:
    mode_t mask_;

public:
    texts queue{2};
};

/// As another user if this is root, who can become one. The owner is refused only what is exclusive.
void try_to_get_at(const std::vector<std::string>& names) {
    const bool is_other = become_somebody_else();
    for (const auto& name : names) {
        const auto path = path_of(name);
        expect(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL, 0600) < 0 && errno == EEXIST, ran_all_the_same,
               "the name could be taken once more");
        if (is_other) {
            expect(::open(path.c_str(), O_RDONLY) < 0 && errno == EACCES, ran_all_the_same, "could be read");
            expect(::open(path.c_str(), O_RDWR) < 0 && errno == EACCES, ran_all_the_same,
                   "could be written to");
            expect(::unlink(path.c_str()) != 0, ran_all_the_same, "could be removed");
            expect(::rename(path.c_str(), (path + "x").c_str()) != 0, ran_all_the_same, "could be renamed");
            expect(::chmod(path.c_str(), 0666) != 0, ran_all_the_same, "could be opened to others");
        }
    }
    ::_exit(as_promised);
}

/// The random number in a name.
std::string random_part(const std::string& name) {
    std::istringstream parts(name);
    std::string part;
    for (int i = 0; i != 5; ++i) {
        std::getline(parts, part, '-');
    }
    return part;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(other_users, leaves_nothing)

BOOST_AUTO_TEST_CASE(all_names_are_for_their_maker_only) {
    const queue_in_the_open made;
    const auto names = names_of(::getpid());
    BOOST_TEST(names.size() == 2U);
    for (const auto& name : names) {
        struct stat status {};
        BOOST_TEST_REQUIRE(::stat(path_of(name).c_str(), &status) == 0);
        BOOST_TEST((status.st_mode & 07777) == 0600U, name);
        BOOST_TEST(status.st_uid == ::geteuid(), name);
    }
}

BOOST_AUTO_TEST_CASE(another_user_can_do_nothing_with_a_name) {
    const queue_in_the_open made;
    const auto names = names_of(::getpid());
    mp::process other(try_to_get_at, std::vector<std::string>(names.begin(), names.end()));
    other.start();
    BOOST_TEST_REQUIRE(other.join_for(hang_limit));
    BOOST_TEST(other.exit_code().value() == as_promised);
}

BOOST_AUTO_TEST_CASE(no_name_tells_another_that_is_still_to_be_made) {
    const texts first(1);
    const texts second(1);
    std::set<std::string> numbers;
    for (const auto& name : names_of(::getpid())) {
        BOOST_TEST(random_part(name).size() >= 8U); // a number below 2^28 would be a rare event indeed
        numbers.insert(random_part(name));
    }
    BOOST_TEST(numbers.size() == 2U);
}

BOOST_AUTO_TEST_CASE(what_somebody_else_has_put_under_a_queues_name_is_not_opened) {
    std::vector<std::byte> handle;
    std::set<std::string> names;
    {
        const texts queue(1);
        handle = mp::encode(queue);
        names = names_of(::getpid());
    }
    auto expected = std::errc::no_such_file_or_directory;
    for (const auto& name : names) {
        std::ofstream(path_of(name)) << std::string(1 << 16, 'x');
        if (::chown(path_of(name).c_str(), somebody_else(), somebody_else()) == 0) {
            expected = std::errc::permission_denied;
        } else { // only root can make a file that belongs to another user
            std::filesystem::remove(path_of(name));
        }
    }
    BOOST_CHECK_EXCEPTION((void)mp::decode<texts>(handle), mp::resource_error,
                          [&](const mp::resource_error& e) { return e.code() == expected; });
    for (const auto& name : names) {
        std::filesystem::remove(path_of(name));
    }
}

BOOST_AUTO_TEST_SUITE_END()
