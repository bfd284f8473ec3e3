// error: what this class consists of is not known: give it, in its public part, template <class Archive>
// names: temperature
#include <multiprocessing.hpp>

class temperature {
public:
    explicit temperature(std::string text) : text_(std::move(text)) {}

private:
    std::string text_;
};

int compare(const temperature& a, const temperature& b);

int use(multiprocessing::pool& pool) {
    return pool.apply(compare, temperature("a"), temperature("b"));
}
