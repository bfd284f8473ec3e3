// error: a parameter that refers to non-const would refer to a copy in another process: return the new value
// names: int(*)(int&)
#include <multiprocessing.hpp>

int increment(int& number);

int use(multiprocessing::pool& pool, int number) {
    pool.apply(increment, number);
    return number;
}
