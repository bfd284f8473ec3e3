// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "os/oom.hpp"

#include "support/leaves_nothing.hpp"

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>
#include <string>
#include <unistd.h>

namespace os = multiprocessing::os;

namespace {

const std::string mounts_of_version_1 =
    "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"
    "32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime shared:5 - cgroup cgroup rw,cpu\n"
    "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:6 master:1 - cgroup cgroup rw,hugetlb,memory\n"
    "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";
const std::string mounts_of_version_2 = "23 1 8:1 / / rw - ext4 /dev/sda rw\n"
                                        "31 23 0:28 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n";

/// A file, gone at the end of the scope.
struct file {
    std::string path =
        (std::filesystem::temp_directory_path() / ("multiprocessing-unit-" + std::to_string(::getpid())))
            .string();
    explicit file(const std::string& content) { std::ofstream(path) << content; }
    ~file() { std::filesystem::remove(path); }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(oom, leaves_nothing)

BOOST_AUTO_TEST_CASE(the_count_of_version_1_is_in_the_memory_controllers_group) {
    BOOST_TEST(os::oom_kills_file("9:name=systemd:/\n4:hugetlb,memory:/a/b\n1:cpu:/c\n0::/d\n",
                                  mounts_of_version_1) == "/sys/fs/cgroup/memory/a/b/memory.oom_control");
    BOOST_TEST(os::oom_kills_file("4:memory:/\n", mounts_of_version_1) ==
               "/sys/fs/cgroup/memory//memory.oom_control");
}

BOOST_AUTO_TEST_CASE(the_count_of_version_2_is_in_the_only_group) {
    BOOST_TEST(os::oom_kills_file("0::/a/b:c\n", mounts_of_version_2) ==
               "/sys/fs/cgroup/a/b:c/memory.events");
}

BOOST_AUTO_TEST_CASE(a_mounted_part_of_the_hierarchy_begins_at_its_root) {
    const std::string mounts = "1 2 0:1 /docker/id /the\\040groups rw - cgroup2 cgroup2 rw\n";
    BOOST_TEST(os::oom_kills_file("0::/docker/id/a", mounts) == "/the groups/a/memory.events");
    BOOST_TEST(os::oom_kills_file("0::/docker/id", mounts) == "/the groups/memory.events");
    BOOST_TEST(os::oom_kills_file("0::/docker/ideas", mounts) == "");
    BOOST_TEST(os::oom_kills_file("0::/", mounts) == "");
}

BOOST_AUTO_TEST_CASE(without_a_group_or_a_mount_there_is_no_count) {
    BOOST_TEST(os::oom_kills_file("", mounts_of_version_2) == "");
    BOOST_TEST(os::oom_kills_file("rubbish\n:\n::", "") == "");
    BOOST_TEST(os::oom_kills_file("0::/a", "") == "");
    BOOST_TEST(os::oom_kills_file("0::/a", "rubbish\n- - -\n1 2 3 - cgroup2 cgroup2 rw\n") == "");
    BOOST_TEST(os::oom_kills_file("4:memory:/a", mounts_of_version_2) == "");
}

BOOST_AUTO_TEST_CASE(the_count_is_read_by_name) {
    const file version_1("oom_kill_disable 0\nunder_oom 0\noom_kill 17\n");
    BOOST_TEST(os::oom_kills_in(version_1.path).value() == 17U);
    const file version_2("low 0\nhigh 5\nmax 6\noom 3\noom_kill 2\noom_group_kill 1\n");
    BOOST_TEST(os::oom_kills_in(version_2.path).value() == 2U);
}

BOOST_AUTO_TEST_CASE(a_file_without_the_count_has_none) {
    BOOST_TEST(!os::oom_kills_in("/nothing").has_value());
    for (const char* content : {"", "oom_kill", "oom_kill x", "oom_kill_disable 0\nunder_oom 0\n"}) {
        const file other(content);
        BOOST_TEST(!os::oom_kills_in(other.path).has_value());
    }
}

BOOST_AUTO_TEST_SUITE_END()
