// What all that is printed for people shares.
#ifndef LRUTORTURE_HARNESS_TEXT_H_
#define LRUTORTURE_HARNESS_TEXT_H_

#include <string>
#include <string_view>

namespace harness {

// Lines of at most 80 columns, broken at spaces; every line after the first
// starts with `indent`. The last has no line end.
std::string Wrapped(const std::string& text, std::string_view indent = "");

}  // namespace harness

#endif  // LRUTORTURE_HARNESS_TEXT_H_
