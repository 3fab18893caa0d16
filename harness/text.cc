#include "harness/text.h"

#include <algorithm>

namespace harness {
namespace {

constexpr size_t kWidth = 80;

}  // namespace

std::string Wrapped(const std::string& text, std::string_view indent) {
  std::string result;
  size_t column = indent.size();
  size_t at = 0;
  while (at < text.size()) {
    size_t end = std::min(text.find(' ', at), text.size());
    size_t length = end - at;
    if (column + length > kWidth && column > indent.size()) {
      result.back() = '\n';
      result += indent;
      column = indent.size();
    }
    result += text.substr(at, length) + " ";
    column += length + 1;
    at = end + 1;
  }
  while (!result.empty() && result.back() == ' ') result.pop_back();
  return result;
}

}  // namespace harness
