// error: this type refers to memory of the process that sends it: send the value itself instead
// names: int*
#include <multiprocessing.hpp>

multiprocessing::queue<int*> pointers;
