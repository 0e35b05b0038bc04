# prov_module(name DEPENDS ... LIBRARIES ...)   src/<name>/ as a library and, beside it, <name>_test
# prov_program(name DEPENDS ... [STATIC])       apps/<name>.cpp
#
# Every module has an include root of its own, build/<preset>/roots/<name>/, holding one link <name> to
# src/<name>: `#include "contract/manifest.hpp"` compiles only where `contract` is declared.

add_library(prov_pch STATIC ${CMAKE_SOURCE_DIR}/cmake/pch.cpp)
target_link_libraries(prov_pch PUBLIC prov_platform)
target_precompile_headers(prov_pch PRIVATE ${CMAKE_SOURCE_DIR}/cmake/pch.hpp)

function(prov_module name)
  cmake_parse_arguments(arg "" "" "DEPENDS;LIBRARIES" ${ARGN})
  set(root ${CMAKE_BINARY_DIR}/roots/${name})
  file(MAKE_DIRECTORY ${root})
  file(CREATE_LINK ${CMAKE_SOURCE_DIR}/src/${name} ${root}/${name} SYMBOLIC)

  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.cpp)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_test\\.cpp$")
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")
  file(GLOB_RECURSE headers RELATIVE ${CMAKE_SOURCE_DIR}/src CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.hpp)
  list(TRANSFORM headers PREPEND ${root}/)

  add_library(prov_${name} STATIC)
  target_sources(prov_${name} PRIVATE ${sources})
  if(NOT sources)
    target_sources(prov_${name} PRIVATE ${CMAKE_SOURCE_DIR}/cmake/pch.cpp)
  endif()
  if(headers)
    target_sources(prov_${name} PUBLIC FILE_SET HEADERS BASE_DIRS ${root} FILES ${headers})
  endif()
  target_include_directories(prov_${name} PUBLIC ${root})
  list(TRANSFORM arg_DEPENDS PREPEND prov_)
  target_link_libraries(prov_${name} PUBLIC prov_platform ${arg_DEPENDS} ${arg_LIBRARIES})
  target_precompile_headers(prov_${name} REUSE_FROM prov_pch)

  if(PROV_TESTS AND tests)
    add_executable(${name}_test ${tests})
    target_link_libraries(${name}_test PRIVATE prov_${name} prov_test_support)
    target_precompile_headers(${name}_test REUSE_FROM prov_pch)
    target_compile_definitions(${name}_test PRIVATE PROV_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
    add_test(NAME ${name} COMMAND ${name}_test)
  endif()
endfunction()

function(prov_program name)
  cmake_parse_arguments(arg "STATIC" "" "DEPENDS" ${ARGN})
  if(NOT EXISTS ${CMAKE_SOURCE_DIR}/apps/${name}.cpp)
    message(STATUS "${name} is not written yet (docs/STATUS.md)")
    return()
  endif()
  add_executable(${name} ${CMAKE_SOURCE_DIR}/apps/${name}.cpp)
  list(TRANSFORM arg_DEPENDS PREPEND prov_)
  target_link_libraries(${name} PRIVATE ${arg_DEPENDS})
  target_precompile_headers(${name} REUSE_FROM prov_pch)
  # Sanitizers do not work in static programs, so only what users run is linked statically.
  if(arg_STATIC AND NOT PROV_SANITIZE)
    target_link_options(${name} PRIVATE -static-pie)
  endif()
endfunction()

# What the tests of several modules share: tests/support/*.cpp.
if(PROV_TESTS)
  add_library(prov_test_support STATIC ${CMAKE_SOURCE_DIR}/tests/support/requires.cpp)
  target_include_directories(prov_test_support PUBLIC ${CMAKE_SOURCE_DIR}/tests)
  target_compile_definitions(prov_test_support PRIVATE PROV_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  target_link_libraries(prov_test_support PUBLIC prov_platform gtest gmock gtest_main rapidcheck)
  target_precompile_headers(prov_test_support REUSE_FROM prov_pch)
endif()

function(prov_finish)
  find_package(Python3 REQUIRED COMPONENTS Interpreter)
  add_test(NAME check_deps COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/cmake/check_deps.py ${CMAKE_SOURCE_DIR})
endfunction()
