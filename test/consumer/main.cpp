// The smallest program that needs all of the library; built by each of the ways to consume it.
#include <multiprocessing.hpp>

#include <cstdlib>
#include <stdexcept>
#include <vector>

namespace mp = multiprocessing;

static int square(int x) {
    return x * x;
}
static void die() {
    std::_Exit(3);
}
static void refuse() {
    throw std::out_of_range("no");
}

// What one module throws another catches, wherever the boundary between them is.
template <class E>
static bool throws(mp::pool& p, void (*f)()) {
    try {
        p.apply(f);
    } catch (const E&) {
        return true;
    } catch (...) {
    }
    return false;
}

int main(int argc, char** argv) {
    mp::init(argc, argv);
    mp::pool p{2};
    std::vector<int> v{1, 2, 3};
    auto r = p.map(square, v);
    const bool good = r == std::vector<int>{1, 4, 9} && throws<mp::worker_died>(p, die) &&
                      throws<mp::error>(p, die) && throws<std::out_of_range>(p, refuse);
    return good ? 0 : 1;
}
