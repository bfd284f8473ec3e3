// The smallest program that needs all of the library; built by each of the ways to consume it.
#include <multiprocessing.hpp>

#include <vector>

namespace mp = multiprocessing;

static int square(int x) {
    return x * x;
}

int main(int argc, char** argv) {
    mp::init(argc, argv);
    mp::pool p{2};
    std::vector<int> v{1, 2, 3};
    auto r = p.map(square, v);
    return r == std::vector<int>{1, 4, 9} ? 0 : 1;
}
