// error: this class has a base class, so its members cannot be found: give it
// names: derived
#include <multiprocessing.hpp>

struct base {
    std::string name;
};
struct derived : base {
    std::vector<int> numbers;
};

void put(multiprocessing::queue_writer<derived>& queue, const derived& value) {
    queue.put(value);
}
