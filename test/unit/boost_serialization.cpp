// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include <multiprocessing/serialize.hpp>

#include "support/leaves_nothing.hpp"

#include <boost/serialization/base_object.hpp>
#include <boost/serialization/nvp.hpp>
#include <boost/serialization/serialization.hpp>
#include <boost/serialization/split_free.hpp>
#include <boost/serialization/split_member.hpp>
#include <boost/serialization/version.hpp>
#include <boost/test/unit_test.hpp>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

// Classes written for Boost.Serialization, in every way its manual shows.

namespace mp = multiprocessing;

namespace {

template <class T>
T there_and_back(const T& value) {
    return mp::decode<T>(mp::encode(value));
}

} // namespace

namespace shapes {

struct with_public_serialize {
    std::string text;
    int number = 0;
    template <class Archive>
    void serialize(Archive& archive, const unsigned) {
        archive& text& number;
    }
};

class with_private_serialize {
public:
    with_private_serialize() = default;
    explicit with_private_serialize(std::string text) : text_(std::move(text)) {}
    [[nodiscard]] const std::string& text() const { return text_; }

private:
    friend class boost::serialization::access;
    template <class Archive>
    void serialize(Archive& archive, const unsigned) {
        archive& text_;
    }
    std::string text_;
};

class with_split_members {
public:
    std::vector<std::string> lines;

private:
    friend class boost::serialization::access;
    template <class Archive>
    void save(Archive& archive, const unsigned) const {
        const std::size_t count = lines.size();
        archive << count;
        for (const auto& line : lines) {
            archive << line;
        }
    }
    template <class Archive>
    void load(Archive& archive, const unsigned) {
        std::size_t count = 0;
        archive >> count;
        lines.resize(count);
        for (auto& line : lines) {
            archive >> line;
        }
    }
    BOOST_SERIALIZATION_SPLIT_MEMBER()
};

class with_free_function {
public:
    std::string text;
    with_free_function() = default; // so that it is no aggregate
};
template <class Archive>
void serialize(Archive& archive, with_free_function& value, const unsigned) {
    archive& value.text;
}

class with_function_in_boost {
public:
    std::string text;
    with_function_in_boost() = default;
};

class with_split_functions {
public:
    std::string text;
    with_split_functions() = default;
};

struct versioned {
    std::string text;
    unsigned saved_with = 0;
    unsigned loaded_with = 0;
    template <class Archive>
    void serialize(Archive& archive, const unsigned version) {
        (Archive::is_saving::value ? saved_with : loaded_with) = version;
        archive& text;
        archive& saved_with;
    }
};

struct with_names {
    std::string text;
    int number = 0;
    template <class Archive>
    void serialize(Archive& archive, const unsigned) {
        archive& boost::serialization::make_nvp("text", text);
        archive& BOOST_SERIALIZATION_NVP(number);
    }
};

struct derived : with_public_serialize {
    std::string more;
    template <class Archive>
    void serialize(Archive& archive, const unsigned) {
        archive& boost::serialization::base_object<with_public_serialize>(*this);
        archive& more;
    }
};

struct derived_from_private : with_private_serialize {
    using with_private_serialize::with_private_serialize;
    int more = 0;
    template <class Archive>
    void serialize(Archive& archive, const unsigned) {
        archive& boost::serialization::base_object<with_private_serialize>(*this);
        archive& more;
    }
};

/// Has bytes that could travel as they are, but says otherwise.
struct plain_but_particular {
    int kept = 0;
    int not_kept = 0;
    template <class Archive>
    void serialize(Archive& archive, const unsigned) {
        archive& kept;
    }
};

struct of_binary {
    std::vector<char> block = std::vector<char>(4);
    template <class Archive>
    void serialize(Archive& archive, const unsigned) {
        if constexpr (Archive::is_saving::value) {
            archive.save_binary(block.data(), block.size());
        } else {
            archive.load_binary(block.data(), block.size());
        }
    }
};

} // namespace shapes

namespace boost::serialization {

template <class Archive>
void serialize(Archive& archive, shapes::with_function_in_boost& value, const unsigned) {
    archive& value.text;
}

template <class Archive>
void save(Archive& archive, const shapes::with_split_functions& value, const unsigned) {
    archive << value.text;
}
template <class Archive>
void load(Archive& archive, shapes::with_split_functions& value, const unsigned) {
    archive >> value.text;
}
template <class Archive>
void serialize(Archive& archive, shapes::with_split_functions& value, const unsigned version) {
    split_free(archive, value, version);
}

} // namespace boost::serialization

BOOST_CLASS_VERSION(shapes::versioned, 3)

using namespace shapes;

BOOST_FIXTURE_TEST_SUITE(boost_serialization, leaves_nothing)

BOOST_AUTO_TEST_CASE(a_public_serialize_is_used) {
    const auto copy = there_and_back(with_public_serialize{"a", 5});
    BOOST_TEST(copy.text == "a");
    BOOST_TEST(copy.number == 5);
}

BOOST_AUTO_TEST_CASE(a_private_serialize_is_used_through_access) {
    BOOST_TEST(there_and_back(with_private_serialize("a")).text() == "a");
}

BOOST_AUTO_TEST_CASE(save_and_load_are_used_where_they_are_split_members) {
    with_split_members value;
    value.lines = {"a", "b"};
    BOOST_TEST(there_and_back(value).lines == value.lines, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_free_function_beside_the_type_is_used) {
    with_free_function value;
    value.text = "a";
    BOOST_TEST(there_and_back(value).text == "a");
}

BOOST_AUTO_TEST_CASE(a_free_function_in_boosts_namespace_is_used) {
    with_function_in_boost value;
    value.text = "a";
    BOOST_TEST(there_and_back(value).text == "a");
}

BOOST_AUTO_TEST_CASE(split_free_functions_are_used) {
    with_split_functions value;
    value.text = "a";
    BOOST_TEST(there_and_back(value).text == "a");
}

BOOST_AUTO_TEST_CASE(serialize_is_told_the_class_version) {
    const auto copy = there_and_back(versioned{.text = "a"});
    BOOST_TEST(copy.saved_with == 3U);
    BOOST_TEST(copy.loaded_with == 3U);
}

BOOST_AUTO_TEST_CASE(the_version_is_0_where_there_is_none) {
    BOOST_TEST(mp::detail::class_version<with_public_serialize>() == 0U);
}

BOOST_AUTO_TEST_CASE(name_value_pairs_are_values) {
    const auto copy = there_and_back(with_names{"a", 5});
    BOOST_TEST(copy.text == "a");
    BOOST_TEST(copy.number == 5);
}

BOOST_AUTO_TEST_CASE(base_objects_travel_with_their_derived_ones) {
    derived value;
    value.text = "a";
    value.number = 5;
    value.more = "b";
    const auto copy = there_and_back(value);
    BOOST_TEST(copy.text == "a");
    BOOST_TEST(copy.number == 5);
    BOOST_TEST(copy.more == "b");
}

BOOST_AUTO_TEST_CASE(base_objects_with_a_private_serialize_travel) {
    derived_from_private value("a");
    value.more = 5;
    const auto copy = there_and_back(value);
    BOOST_TEST(copy.text() == "a");
    BOOST_TEST(copy.more == 5);
}

BOOST_AUTO_TEST_CASE(serialize_goes_before_the_bytes_of_a_trivially_copyable_class) {
    const auto copy = there_and_back(plain_but_particular{1, 2});
    BOOST_TEST(copy.kept == 1);
    BOOST_TEST(copy.not_kept == 0);
    const auto copies = there_and_back(std::vector<plain_but_particular>{{1, 2}});
    BOOST_TEST(copies.at(0).not_kept == 0);
}

BOOST_AUTO_TEST_CASE(binary_blocks_are_saved_and_loaded) {
    of_binary value;
    value.block = {'a', 'b', 'c', 'd'};
    BOOST_TEST(there_and_back(value).block == value.block, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(such_classes_travel_inside_other_values) {
    std::map<std::string, std::vector<with_private_serialize>> value;
    value["a"].emplace_back("b");
    BOOST_TEST(there_and_back(value).at("a").at(0).text() == "b");
    const std::optional<with_split_members> empty;
    BOOST_TEST(!there_and_back(empty).has_value());
    BOOST_TEST(there_and_back(std::make_unique<with_names>(with_names{"a", 1}))->text == "a");
}

BOOST_AUTO_TEST_CASE(truncated_bytes_of_such_classes_are_recognised) {
    const auto bytes = mp::encode(with_public_serialize{"a", 5});
    for (std::size_t size = 0; size != bytes.size(); ++size) {
        BOOST_CHECK_THROW((void)mp::decode<with_public_serialize>(std::span(bytes).first(size)),
                          mp::decode_failed);
    }
}

BOOST_AUTO_TEST_SUITE_END()
