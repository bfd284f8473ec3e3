// error: the elements of a shared_array must be trivially copyable
// names: basic_string<char
#include <multiprocessing.hpp>

multiprocessing::shared_array<std::string> names(10);
