"""The tree that this folder is part of, as a package of Conan 2."""
import os

from conan import ConanFile
from conan.tools.build import check_min_cppstd
from conan.tools.cmake import CMake, CMakeDeps, CMakeToolchain, cmake_layout
from conan.tools.files import copy
from conan.tools.scm import Version


class Multiprocessing(ConanFile):
    name = "multiprocessing"
    version = "1.0.0"
    description = "Python's multiprocessing for C++: functions, pools and queues in other processes"
    license = "BSL-1.0"
    package_type = "library"
    settings = "os", "arch", "compiler", "build_type"
    options = {"shared": [True, False], "fPIC": [True, False], "listener": [True, False]}
    default_options = {"shared": False, "fPIC": True, "listener": True}
    implements = ["auto_shared_fpic"]

    def export_sources(self):
        root = os.path.join(self.recipe_folder, "..", "..", "..")
        for pattern in ("CMakeLists.txt", "LICENSE", "lib/*"):
            copy(self, pattern, root, self.export_sources_folder)

    def layout(self):
        cmake_layout(self)

    def requirements(self):
        self.requires("boost/[>=1.81 <2]", transitive_headers=True)
        if self.options.listener:
            self.requires("openssl/[>=1.1 <4]")

    def validate(self):
        check_min_cppstd(self, 20)

    def generate(self):
        toolchain = CMakeToolchain(self)
        for part, wanted in {"DEMOS": False, "TESTS": False, "LISTENER": bool(self.options.listener)}.items():
            toolchain.cache_variables[f"MULTIPROCESSING_BUILD_{part}"] = wanted
        toolchain.generate()
        CMakeDeps(self).generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        CMake(self).install()
        copy(self, "LICENSE", self.source_folder, os.path.join(self.package_folder, "licenses"))

    def package_info(self):
        core = self.cpp_info.components["multiprocessing"]
        core.libs = ["multiprocessing"]
        core.requires = ["boost::headers"]
        if Version(self.dependencies["boost"].ref.version) >= "1.86":  # compiled since then
            core.requires.append("boost::process")
        core.system_libs = ["pthread"]
        core.set_property("cmake_target_name", "multiprocessing::multiprocessing")
        if self.options.listener:
            listener = self.cpp_info.components["listener"]
            listener.libs = ["multiprocessing_listener"]
            listener.requires = ["multiprocessing", "openssl::crypto"]
            listener.set_property("cmake_target_name", "multiprocessing::listener")
