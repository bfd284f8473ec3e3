// error: this callable cannot be called with these arguments
// names: int(*)(int,int)
#include <multiprocessing.hpp>

int add(int a, int b);

void use() {
    multiprocessing::process child(add, 1);
}
