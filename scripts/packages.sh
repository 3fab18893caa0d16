# Sourced by the other scripts: what this project needs, and how it is got.
# Debian packages only.

packages=(
  clang-19 libclang-rt-19-dev lld-19 llvm-19 g++ cmake ninja-build pkg-config
  liburcu-dev libabsl-dev nlohmann-json3-dev libvalijson-dev
  libgtest-dev libgmock-dev libbenchmark-dev
  python3 python3-jsonschema git binutils
)
# Only what checks the code itself needs these.
check_packages=(clang-tidy-19 clang-format-19)

# need_packages PACKAGE...: installs what is missing; without root it prints
# the line to type and exits 2.
need_packages() {
  local missing=() package
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null |
      grep -q '^install ok installed$' || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  if ! command -v apt-get >/dev/null; then
    echo "error: needs Debian packages: ${missing[*]}" >&2
    exit 2
  fi
  if [ "$(id -u)" -ne 0 ]; then
    echo "error: packages are missing; as root, type:" >&2
    echo "  apt-get update && apt-get install -y ${missing[*]}" >&2
    exit 2
  fi
  echo "installing: ${missing[*]}" >&2
  apt-get update -qq >&2 &&
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
      --no-install-recommends "${missing[@]}" >&2 || {
    echo "error: the packages could not be installed" >&2
    exit 2
  }
}

# build_preset PRESET [TARGET...]: quietly, unless it fails.
build_preset() {
  local preset=$1 log
  shift
  log=$(mktemp)
  echo "building: $preset" >&2
  if ! { cmake --preset "$preset" && \
         cmake --build --preset "$preset" -j "$(nproc)" ${1:+--target "$@"}; \
       } >"$log" 2>&1; then
    cat "$log" >&2
    rm -f "$log"
    echo "error: preset $preset does not build" >&2
    return 1
  fi
  rm -f "$log"
}
