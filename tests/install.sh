# Sourced by examples/run, tests/run and tests/cross/run: `install PACKAGE...` from Debian, only
# what is missing; and how these build.

install() {
  local missing=()
  for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
      missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  echo "Installing Debian packages: ${missing[*]}"
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null ||
      { echo "expected root or sudo, to install: ${missing[*]}" >&2; exit 1; }
    as_root=(sudo)
  fi
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# What building needs; meson itself only where there is none (any from 1.0.1 on will do).
build_packages=(g++ ninja-build pkg-config python3 flatbuffers-compiler libflatbuffers-dev
  libeigen3-dev zlib1g-dev libcli11-dev nlohmann-json3-dev)
command -v meson >/dev/null || build_packages+=(meson)
# What tests/cross/run needs; Meson looks for QEMU when it configures.
cross_packages=()
if [ "$(uname -m)" = x86_64 ]; then cross_packages=(g++-aarch64-linux-gnu qemu-user); fi
# Options of Meson: eight files in one, as most of the time would go into the headers of each.
joined=(-Dunity=on -Dunity_size=8)
