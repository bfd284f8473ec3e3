// error: this callable owns something that is not trivially copyable: pass what it captures as arguments
// names: lambda
#include <multiprocessing.hpp>

auto use(multiprocessing::pool& pool, std::string name) {
    return pool.apply([name] { return name.size(); });
}
