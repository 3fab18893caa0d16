# Included by harness/CMakeLists.txt: the scheduler must be invisible to the
# sanitizers (E3 in fiber_engine.h), and is nobody's to debug at -O0 or -O1.
set(scheduler_sources explore/fiber_engine.cc explore/strategy.cc)
set_property(SOURCE ${scheduler_sources} APPEND PROPERTY COMPILE_OPTIONS -O2)
set_property(SOURCE ${scheduler_sources}
  PROPERTY SKIP_UNITY_BUILD_INCLUSION ON)
if(NOT LRUTORTURE_SANITIZER STREQUAL "none")
  set_property(SOURCE ${scheduler_sources}
    APPEND PROPERTY COMPILE_OPTIONS -fno-sanitize=all -fno-builtin)
endif()
