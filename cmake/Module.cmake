# prov_module(name DEPENDS ... LIBRARIES ...)   src/<name>/ as a library and, beside it, <name>_test
# prov_program(name DEPENDS ... [STATIC])       apps/<name>.cpp
# prov_fuzzer(name DEPENDS ...)                 fuzz/<name>.cpp: fuzz_<name> with PROV_FUZZ, else a part of fuzz_replay_test
#
# Every module has an include root of its own, build/<preset>/roots/<name>/, holding one link <name> to
# src/<name>: `#include "contract/manifest.hpp"` compiles only where `contract` is declared.

find_package(Python3 REQUIRED COMPONENTS Interpreter)

add_library(prov_pch STATIC ${CMAKE_SOURCE_DIR}/cmake/pch.cpp)
target_link_libraries(prov_pch PUBLIC prov_platform)
target_precompile_headers(prov_pch PRIVATE ${CMAKE_SOURCE_DIR}/cmake/pch.hpp)

# With CMAKE_UNITY_BUILD (the release preset, and ./dev in CI) six files of a module are compiled as one, but never the
# own sources of Asio, Beast and fmt: their macros and names are not for the files beside them.
set(PROV_APART "" CACHE STRING "other sources that are compiled by themselves: those about to be edited again and again")
foreach(source src/base/fmt_sources.cpp src/net/boost_sources.cpp ${PROV_APART})
  set_source_files_properties(${CMAKE_SOURCE_DIR}/${source} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
endforeach()

# Groups by place: one source more, or one apart, leaves the groups of the others as they are.
function(prov_group target)
  set(place 0)
  foreach(source ${ARGN})
    math(EXPR group "${place} / 6")
    math(EXPR place "${place} + 1")
    set_source_files_properties(${source} PROPERTIES UNITY_GROUP ${group})
  endforeach()
  set_target_properties(${target} PROPERTIES UNITY_BUILD_MODE GROUP)
endfunction()

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
  prov_group(prov_${name} ${sources})
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
    prov_group(${name}_test ${tests})
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
  add_library(prov_test_support STATIC ${CMAKE_SOURCE_DIR}/tests/support/requires.cpp
              ${CMAKE_SOURCE_DIR}/tests/support/power_cut.cpp ${CMAKE_SOURCE_DIR}/tests/support/postgresql.cpp
              ${CMAKE_SOURCE_DIR}/tests/support/rabbitmq_cluster.cpp
              ${CMAKE_SOURCE_DIR}/tests/support/rabbitmq_server.cpp
              ${CMAKE_SOURCE_DIR}/tests/support/redis_cluster.cpp
              ${CMAKE_SOURCE_DIR}/tests/support/redis_server.cpp)
  target_include_directories(prov_test_support PUBLIC ${CMAKE_SOURCE_DIR}/tests)
  target_compile_definitions(prov_test_support PRIVATE PROV_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  target_link_libraries(prov_test_support PUBLIC prov_platform gtest gmock gtest_main rapidcheck)
  target_precompile_headers(prov_test_support REUSE_FROM prov_pch)
endif()

function(prov_fuzzer name)
  cmake_parse_arguments(arg "" "" "DEPENDS" ${ARGN})
  list(TRANSFORM arg_DEPENDS PREPEND prov_)
  if(PROV_FUZZ)
    add_executable(fuzz_${name} ${CMAKE_SOURCE_DIR}/fuzz/libfuzzer.cpp ${CMAKE_SOURCE_DIR}/fuzz/${name}.cpp)
    string(SUBSTRING ${name} 0 1 first)
    string(TOUPPER ${first} first)
    string(SUBSTRING ${name} 1 -1 rest)
    target_compile_definitions(fuzz_${name} PRIVATE PROV_FUZZER=Fuzz${first}${rest})
    target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
    set(program fuzz_${name})
  elseif(PROV_TESTS)
    if(NOT TARGET fuzz_replay_test)
      add_executable(fuzz_replay_test ${CMAKE_SOURCE_DIR}/fuzz/replay_test.cpp)
      target_link_libraries(fuzz_replay_test PRIVATE prov_test_support)
      target_compile_definitions(fuzz_replay_test PRIVATE PROV_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
      add_test(NAME fuzz_replay COMMAND fuzz_replay_test)
    endif()
    target_sources(fuzz_replay_test PRIVATE ${CMAKE_SOURCE_DIR}/fuzz/${name}.cpp)
    set(program fuzz_replay_test)
  else()
    return()
  endif()
  set_target_properties(${program} PROPERTIES UNITY_BUILD OFF)
  target_link_libraries(${program} PRIVATE ${arg_DEPENDS})
  target_include_directories(${program} PRIVATE ${CMAKE_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/tests)
  target_precompile_headers(${program} REUSE_FROM prov_pch)
endfunction()

function(prov_finish)
  add_test(NAME check_deps COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/cmake/check_deps.py ${CMAKE_SOURCE_DIR})
endfunction()
