// The smallest program that needs the component mpi: succeeds with as many nodes as it is told.
#include <multiprocessing/mpi.hpp>

#include <cstdio>
#include <cstdlib>

namespace mp = multiprocessing;

static int square(int x) {
    return x * x;
}

int main(int argc, char** argv) {
    mp::init(argc, argv);
    const auto expected = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 1;
    mp::mpi_pool pool{1};
    if (pool.nodes().size() != expected || pool.apply(square, 7) != 49) {
        return 1;
    }
    std::puts("all is well");
}
