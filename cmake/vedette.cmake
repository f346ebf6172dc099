# The two shapes of target the project has, and what they all share.
find_package(PkgConfig REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(CURL REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(spdlog REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(tl-expected REQUIRED)
find_package(CLI11 REQUIRED)
find_package(pugixml REQUIRED)
find_package(Boost 1.74 REQUIRED)  # headers only
find_package(Threads REQUIRED)
pkg_check_modules(LIBAV REQUIRED IMPORTED_TARGET libavformat libavcodec libavutil libswscale)
pkg_check_modules(SRT REQUIRED IMPORTED_TARGET srt)
pkg_check_modules(MOSQUITTO REQUIRED IMPORTED_TARGET libmosquitto)
pkg_check_modules(DEFLATE REQUIRED IMPORTED_TARGET libdeflate)

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

add_library(vedette_flags INTERFACE)
target_compile_options(vedette_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Werror
                                               -fno-omit-frame-pointer)
# g++ 12 sees overlapping copies in "text" + std::string when it optimises (GCC bug 105651).
target_compile_options(vedette_flags INTERFACE $<$<AND:$<CXX_COMPILER_ID:GNU>,$<CONFIG:Release>>:-Wno-restrict>)
target_compile_definitions(vedette_flags INTERFACE VEDETTE_VERSION="${PROJECT_VERSION}")
target_include_directories(vedette_flags INTERFACE ${CMAKE_SOURCE_DIR})
target_link_libraries(vedette_flags INTERFACE Threads::Threads)
if(VEDETTE_SANITIZE)
  # All but targets with the property UNSANITIZED.
  set(sanitize $<$<NOT:$<BOOL:$<TARGET_PROPERTY:UNSANITIZED>>>:-fsanitize=${VEDETTE_SANITIZE}>)
  target_compile_options(vedette_flags INTERFACE ${sanitize} -fno-sanitize-recover=all)
  target_link_options(vedette_flags INTERFACE ${sanitize})
  # What sanitizers add makes g++ 12 see uninitialised members in std::regex.
  target_compile_options(vedette_flags INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
  # It says of each fence (those of Boost.Asio) that ThreadSanitizer does not see it.
  if(VEDETTE_SANITIZE MATCHES thread AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(vedette_flags INTERFACE -Wno-tsan)
  endif()
endif()

# One folder, one static library: every .cpp of the folder and those in it but main.cpp. Our own libraries are named by their
# folder, third-party ones by their imported target.
function(vedette_library folder)
  cmake_parse_arguments(ARG "" "" "PUBLIC;PRIVATE" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/*.cpp)
  list(REMOVE_ITEM sources ${CMAKE_SOURCE_DIR}/${folder}/main.cpp)
  add_library(vedette_${folder} STATIC ${sources})
  list(TRANSFORM ARG_PUBLIC REPLACE "^([a-z]+)$" "vedette_\\1")
  target_link_libraries(vedette_${folder} PUBLIC vedette_flags ${ARG_PUBLIC} PRIVATE ${ARG_PRIVATE})
endfunction()

function(vedette_program name main)
  add_executable(${name} ${main})
  list(TRANSFORM ARGN REPLACE "^([a-z]+)$" "vedette_\\1")
  target_link_libraries(${name} PRIVATE ${ARGN})
endfunction()
