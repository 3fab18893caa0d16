# Included by harness/CMakeLists.txt after the library lrutorture_harness; and
# run as a script (-DOUTPUT=..., -DSOURCE_DIR=...) at every build, so that the
# report never names the commit of an older configure run.
if(DEFINED OUTPUT)
  execute_process(COMMAND git describe --always --dirty --abbrev=12
                          --exclude=*
                  WORKING_DIRECTORY ${SOURCE_DIR}
                  OUTPUT_VARIABLE commit ERROR_QUIET
                  OUTPUT_STRIP_TRAILING_WHITESPACE)
  if(NOT commit)
    set(commit "unknown")
  endif()
  set(text "#define LRUTORTURE_COMMIT \"${commit}\"\n")
  set(before "")
  if(EXISTS ${OUTPUT})
    file(READ ${OUTPUT} before)
  endif()
  if(NOT text STREQUAL before)
    file(WRITE ${OUTPUT} ${text})
  endif()
  return()
endif()

set(commit_dir ${CMAKE_CURRENT_BINARY_DIR}/generated)
add_custom_target(lrutorture_commit
  COMMAND ${CMAKE_COMMAND} -DOUTPUT=${commit_dir}/lrutorture_commit.h
          -DSOURCE_DIR=${CMAKE_SOURCE_DIR}
          -P ${CMAKE_CURRENT_LIST_DIR}/build_info.cmake
  BYPRODUCTS ${commit_dir}/lrutorture_commit.h
  COMMENT "")
add_dependencies(lrutorture_harness lrutorture_commit)
set_property(SOURCE report/build_info.cc APPEND PROPERTY
  INCLUDE_DIRECTORIES ${commit_dir})
set_property(SOURCE report/build_info.cc APPEND PROPERTY
  OBJECT_DEPENDS ${commit_dir}/lrutorture_commit.h)
set_property(SOURCE report/build_info.cc APPEND PROPERTY
  COMPILE_DEFINITIONS "LRUTORTURE_VERSION=\"${PROJECT_VERSION}\"")
target_compile_definitions(lrutorture_harness PRIVATE
  LRUTORTURE_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
