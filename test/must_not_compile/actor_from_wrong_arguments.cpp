// error: an actor's object is not constructible from these arguments
// names: counter
#include <multiprocessing.hpp>

struct counter {
    explicit counter(int first);
};

void use() {
    multiprocessing::actor<counter> shared("one", 2);
}
