// error: which member of this union is active is not known: use std::variant
// names: either
#include <multiprocessing.hpp>

union either {
    either() : number(0) {}
    either(const either& other) : number(other.number) {}
    ~either() {}
    int number;
    std::string text;
};

void put(multiprocessing::queue_writer<either>& queue, const either& value) {
    queue.put(value);
}
