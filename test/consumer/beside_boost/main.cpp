// A program that uses Boost for other things as well, in the same source: its logging, Asio, and options.
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/log/trivial.hpp>
#include <boost/program_options.hpp>
#include <multiprocessing.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace mp = multiprocessing;
namespace options = boost::program_options;

namespace {

std::size_t length(const std::string& text) {
    BOOST_LOG_TRIVIAL(info) << "the length of " << text;
    return text.size();
}

} // namespace

int main(int argc, char** argv) {
    mp::init(argc, argv);

    options::options_description known("options");
    known.add_options()("workers", options::value<std::size_t>()->default_value(2), "how many");
    options::variables_map chosen;
    options::store(options::parse_command_line(argc, argv, known), chosen);

    mp::pool pool{{.processes = chosen["workers"].as<std::size_t>()}};
    boost::asio::io_context context;
    std::vector<std::size_t> lengths;
    for (const std::string word : {"one", "three"}) {
        pool.apply_async(length, word).then([&](mp::future<std::size_t> done) {
            boost::asio::post(context, [&, value = done.get()] { lengths.push_back(value); });
        });
    }
    auto work = boost::asio::make_work_guard(context);
    while (lengths.size() != 2) {
        context.run_one();
    }
    BOOST_LOG_TRIVIAL(info) << "together: " << lengths[0] + lengths[1];
    return lengths[0] + lengths[1] == 8 ? 0 : 1;
}
