// error: this callable owns something that is not trivially copyable
// names: std::function<void()>
#include <multiprocessing.hpp>

#include <functional>

auto use() {
    return multiprocessing::pipe<std::function<void()>>();
}
