// error: what reduces is to take two values of the type that the function returns, and return one
// names: each_reduced<
// others follow
#include <multiprocessing.hpp>

std::string name_of(int number);
std::string join(int a, int b);

std::string use(multiprocessing::pool& pool, const std::vector<int>& numbers) {
    return pool.map_reduce(name_of, numbers, join, "");
}
