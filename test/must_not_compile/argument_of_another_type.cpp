// error: an argument does not convert to the type of the callable's parameter
// names: basic_string<char
#include <multiprocessing.hpp>

int square(int number);

auto use(multiprocessing::pool& pool, const std::vector<std::string>& texts) {
    return pool.map(square, texts);
}
