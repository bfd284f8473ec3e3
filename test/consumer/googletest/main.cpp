// Tests whose main is GoogleTest's, with the line that workers need.
#include <gtest/gtest.h>
#include <multiprocessing.hpp>

#include <csignal>

namespace mp = multiprocessing;

namespace {

int square(int x) {
    return x * x;
}
int crash(int) {
    return std::raise(SIGSEGV);
}

} // namespace

TEST(pool, runs_functions_elsewhere) {
    mp::pool pool{2};
    EXPECT_EQ(pool.apply(square, 3), 9);
}

TEST(pool, survives_a_crash) {
    mp::pool pool{1};
    EXPECT_THROW(pool.apply(crash, 0), mp::worker_died);
    EXPECT_EQ(pool.apply(square, 4), 16);
}

int main(int argc, char** argv) {
    multiprocessing::init(argc, argv);
    testing::InitGoogleTest(&argc, argv);
    return RUN_ALL_TESTS();
}
