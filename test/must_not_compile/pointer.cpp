// error: this type refers to memory of the process that sends it: send the value itself instead
// names: int*
#include <multiprocessing.hpp>

int first(int* all);

int use(multiprocessing::pool& pool, int* all) {
    return pool.apply(first, all);
}
