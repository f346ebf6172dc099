#include "core/tar.h"

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <cstring>
#include <utility>

namespace vedette {

namespace {

constexpr size_t kBlockBytes = 512;

// The header as POSIX.1-1988 has it: texts that end with a NUL, numbers in octal.
struct Header {
  char name[100];
  char mode[8];
  char uid[8];
  char gid[8];
  char size[12];
  char mtime[12];
  char checksum[8];
  char type;
  char link[100];
  char magic[6];
  char version[2];
  char user[32];
  char group[32];
  char device_major[8];
  char device_minor[8];
  char prefix[155];
  char unused[12];
};
static_assert(sizeof(Header) == kBlockBytes);

template <size_t N>
void put_octal(char (&field)[N], uint64_t value) {
  field[N - 1] = '\0';
  for (size_t i = N - 1; i-- > 0; value /= 8) field[i] = static_cast<char>('0' + value % 8);
}

// Of all bytes of the header, those of the checksum itself taken as blanks.
void put_checksum(Header& header) {
  std::memset(header.checksum, ' ', sizeof header.checksum);
  uint64_t sum = 0;
  const auto* bytes = reinterpret_cast<const unsigned char*>(&header);
  for (size_t i = 0; i < sizeof header; ++i) sum += bytes[i];
  put_octal(header.checksum, sum);
}

}  // namespace

void Tar::add(std::string_view name, std::string_view content) {
  Header header{};
  assert(!name.empty() && name.size() < sizeof header.name);
  std::memcpy(header.name, name.data(), std::min(name.size(), sizeof header.name - 1));
  put_octal(header.mode, 0600);
  put_octal(header.uid, 0);
  put_octal(header.gid, 0);
  put_octal(header.size, content.size());
  const auto made_s = std::chrono::floor<seconds>(made_).time_since_epoch().count();
  put_octal(header.mtime, static_cast<uint64_t>(std::max<int64_t>(0, made_s)));
  header.type = '0';
  std::memcpy(header.magic, "ustar", 6);
  std::memcpy(header.version, "00", 2);
  put_checksum(header);
  bytes_.append(reinterpret_cast<const char*>(&header), sizeof header).append(content);
  bytes_.append((kBlockBytes - content.size() % kBlockBytes) % kBlockBytes, '\0');
}

std::string Tar::finish() {
  bytes_.append(2 * kBlockBytes, '\0');
  return std::move(bytes_);
}

}  // namespace vedette
