// error: stays where it is. If that is for a const member, make it non-const
// names: leaf
#include <multiprocessing.hpp>

struct leaf {
    std::string name;
    const std::unique_ptr<int> value;
};

void send(multiprocessing::connection<leaf>& connection, const leaf& value) {
    connection.send(value);
}
