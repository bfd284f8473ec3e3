// error: a class with a serialize needs a default constructor
// names: temperature
#include <multiprocessing.hpp>

class temperature {
public:
    explicit temperature(std::string text) : text_(std::move(text)) {}

    template <class Archive>
    void serialize(Archive& archive, unsigned) {
        archive& text_;
    }

private:
    std::string text_;
};

temperature measure();

temperature use(multiprocessing::pool& pool) {
    return pool.apply(measure);
}
