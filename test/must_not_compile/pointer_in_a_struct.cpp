// error: this type refers to memory of the process that sends it: send the value itself instead
// names: int*
#include <multiprocessing.hpp>

struct node {
    std::string name;
    int* count;
};

node first();

node use(multiprocessing::pool& pool) {
    return pool.apply(first);
}
