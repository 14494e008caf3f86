# A room is a top-level folder. Each is seen by others only through a link farm of its own, so a
# target that does not link a room cannot include it: the wrong include does not compile.

add_library(peerd_options INTERFACE)
target_compile_options(peerd_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Wold-style-cast
  -Woverloaded-virtual -Werror
  -ffp-contract=off)  # the same arithmetic on riscv64, which has fused multiply-add, and x86-64
# GCC 12 takes string concatenation for overlapping copies (GCC bug 105651).
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  target_compile_options(peerd_options INTERFACE -Wno-restrict)
endif()
# Asserts state invariants that must also hold on the boards: they stay on in every build type.
foreach(type RELEASE RELWITHDEBINFO MINSIZEREL)
  string(REPLACE "-DNDEBUG" "" CMAKE_CXX_FLAGS_${type} "${CMAKE_CXX_FLAGS_${type}}")
endforeach()

if(PEERD_SANITIZE)
  target_compile_options(peerd_options INTERFACE
    -fsanitize=${PEERD_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -O1)
  target_link_options(peerd_options INTERFACE -fsanitize=${PEERD_SANITIZE})
endif()

# peerd_expose(ROOM): makes the folder ROOM includable as "ROOM/..." through its link farm.
function(peerd_expose room)
  set(farm ${PROJECT_BINARY_DIR}/rooms/${room})
  file(MAKE_DIRECTORY ${farm})
  file(CREATE_LINK ${PROJECT_SOURCE_DIR}/${room} ${farm}/${room} SYMBOLIC)
  set(${room}_INCLUDE ${farm} PARENT_SCOPE)
endfunction()

# peerd_library(NAME ROOM SOURCES... LINK LIBRARIES...): a static library of one room.
function(peerd_library name room)
  cmake_parse_arguments(arg "" "" "SOURCES;LINK" ${ARGN})
  peerd_expose(${room})
  add_library(${name} STATIC ${arg_SOURCES})
  target_include_directories(${name} PUBLIC ${${room}_INCLUDE})
  target_link_libraries(${name} PUBLIC peerd_options ${arg_LINK})
endfunction()
