# Included by harness/CMakeLists.txt: what the files of this directory need.
find_program(LRUTORTURE_SYMBOLIZER NAMES llvm-symbolizer-19 llvm-symbolizer
             DOC "turns code addresses into names and lines")
if(LRUTORTURE_SYMBOLIZER)
  foreach(target lrutorture_runtime lrutorture_harness)
    target_compile_definitions(${target} PRIVATE
      LRUTORTURE_SYMBOLIZER="${LRUTORTURE_SYMBOLIZER}")
  endforeach()
endif()

# These run inside the runtimes' reports or before the runtimes are ready.
if(NOT LRUTORTURE_SANITIZER STREQUAL "none")
  set_property(SOURCE finding_raw.cc sanitizer/asan_hooks.cc
    sanitizer/options.cc sanitizer/suppressions.cc sanitizer/tsan_hooks.cc
    APPEND PROPERTY COMPILE_OPTIONS -fno-sanitize=all -fno-builtin)
endif()
