// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "os/modules.hpp"
#include "os/symbols.hpp"

#include <multiprocessing/error.hpp>

#include "support/leaves_nothing.hpp"

#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <string>
#include <sys/mman.h>
#include <vector>

namespace mp = multiprocessing;
namespace os = multiprocessing::os;

namespace a_namespace {
struct a_class {
    static int of_class(int n);
};
int a_class::of_class(int n) {
    return n + 1;
}
int of_namespace(int n, const std::string&) {
    return n + 2;
}
template <class T>
T of_template(T n) {
    return n;
}
} // namespace a_namespace

namespace {

int of_nobody_else(int n) {
    return n + 3;
}

template <class Function>
const void* address(Function* function) {
    return reinterpret_cast<const void*>(function);
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(modules, leaves_nothing)

BOOST_AUTO_TEST_CASE(a_function_of_the_program_has_a_place_without_a_path) {
    const auto place = os::place_of(address(of_nobody_else));
    BOOST_TEST(place.module.empty());
    BOOST_TEST(place.build_id.empty());
    BOOST_TEST(os::address_of(place) == address(of_nobody_else));
}

BOOST_AUTO_TEST_CASE(what_lies_in_the_program_is_so_far_from_its_beginning) {
    const auto offset = os::offset_in_program(address(of_nobody_else));
    BOOST_TEST(offset == os::place_of(address(of_nobody_else)).offset);
    BOOST_TEST(os::address_in_program(offset) == address(of_nobody_else));
    BOOST_TEST(os::offset_in_program(address(&std::puts)) == os::not_in_program);
    BOOST_TEST(os::offset_in_program(nullptr) == os::not_in_program);
    BOOST_TEST(os::address_in_program(os::not_in_program) == nullptr);
}

BOOST_AUTO_TEST_CASE(a_place_outside_the_program_is_an_error) {
    for (const auto offset : {~std::uint64_t{0}, std::uint64_t{1} << 60}) {
        BOOST_CHECK_THROW((void)os::address_of({.offset = offset}), mp::decode_failed);
    }
}

BOOST_AUTO_TEST_CASE(a_function_of_a_library_has_a_place_with_a_path) {
    const auto place = os::place_of(address(&std::puts));
    BOOST_TEST(place.module.find(".so") != std::string::npos);
    BOOST_TEST(place.module.front() == '/');
    BOOST_TEST(os::address_of(place) == address(&std::puts));
}

BOOST_AUTO_TEST_CASE(two_functions_have_two_places) {
    BOOST_TEST((os::place_of(address(of_nobody_else)) != os::place_of(address(a_namespace::of_namespace))));
}

BOOST_AUTO_TEST_CASE(what_lies_in_no_module_is_not_encodable) {
    const int on_the_stack = 0;
    const std::vector<int> on_the_heap(1);
    void* mapped = ::mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    BOOST_CHECK_THROW((void)os::place_of(&on_the_stack), mp::not_encodable);
    BOOST_CHECK_THROW((void)os::place_of(on_the_heap.data()), mp::not_encodable);
    BOOST_CHECK_THROW((void)os::place_of(mapped), mp::not_encodable);
    BOOST_CHECK_THROW((void)os::place_of(nullptr), mp::not_encodable);
    ::munmap(mapped, 4096);
}

BOOST_AUTO_TEST_CASE(a_library_that_is_not_there_is_an_error) {
    BOOST_CHECK_THROW((void)os::address_of({.module = "/nowhere/libnothing.so"}), mp::decode_failed);
}

BOOST_AUTO_TEST_CASE(another_build_of_a_library_is_an_error) {
    auto place = os::place_of(address(&std::puts));
    place.build_id = "another";
    BOOST_CHECK_THROW((void)os::address_of(place), mp::decode_failed);
}

BOOST_AUTO_TEST_CASE(functions_have_the_names_people_know_without_parameters) {
    BOOST_TEST(os::function_at(address(a_namespace::of_namespace)) == "a_namespace::of_namespace");
    BOOST_TEST(os::function_at(address(&a_namespace::a_class::of_class)) == "a_namespace::a_class::of_class");
    BOOST_TEST(os::function_at(address(of_nobody_else)) == "(anonymous namespace)::of_nobody_else");
}

BOOST_AUTO_TEST_CASE(instances_of_templates_have_their_names) {
    const auto name = os::function_at(address(a_namespace::of_template<int>));
    BOOST_TEST(name.find("a_namespace::of_template<int>") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(names_of_functions_end_before_their_parameters) {
    BOOST_TEST(os::readable_function("_ZN1a1fEPFivE") == "a::f");                  // a::f(int (*)())
    BOOST_TEST(os::readable_function("_ZN1aIPFiiEE1fEi") == "a<int (*)(int)>::f"); // (int)
    BOOST_TEST(os::readable_function("_ZN1aclEi") == "a::operator()");             // (int)
    BOOST_TEST(os::readable_function("_ZN1alsEi") == "a::operator<<");             // (int)
    BOOST_TEST(os::readable_function("_ZN1aptEv") == "a::operator->");             // ()
    BOOST_TEST(os::readable_function("_ZZ4mainENKUliE_clEi") == "main::{lambda(int)#1}::operator()");
    BOOST_TEST(os::readable_function("_ZN12_GLOBAL__N_11fEi") == "(anonymous namespace)::f");
    BOOST_TEST(os::readable_function("main") == "main");
    BOOST_TEST(os::readable_function("_ZN10cooperatorIPFivEE1fEi") == "cooperator<int (*)()>::f");
    BOOST_TEST(os::readable_function("_ZN1acvbEv") == "a::operator bool");
    BOOST_TEST(os::readable_function("operator") == "operator");
}

BOOST_AUTO_TEST_CASE(functions_of_libraries_have_their_names) {
    BOOST_TEST(os::function_at(address(&std::puts)) == "puts");
}

BOOST_AUTO_TEST_CASE(what_is_no_function_has_no_name) {
    const int on_the_stack = 0;
    BOOST_TEST(os::function_at(&on_the_stack).empty());
}

BOOST_AUTO_TEST_SUITE_END()
