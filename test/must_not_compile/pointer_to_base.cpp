// error: a pointer to a base class would arrive as a copy of the base alone: use std::variant
// names: std::unique_ptr<shape
#include <multiprocessing.hpp>

struct shape {
    virtual ~shape() = default;
    virtual double area() const = 0;
};

double area(const std::unique_ptr<shape>& of);

double use(multiprocessing::pool& pool, const std::unique_ptr<shape>& of) {
    return pool.apply(area, of);
}
