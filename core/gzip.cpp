#include "core/gzip.h"

#include <libdeflate.h>

#include <memory>

namespace vedette {

namespace {

constexpr int kLevel = 6;  // of 12, as gzip itself takes by default

struct Free {
  void operator()(libdeflate_compressor* compressor) const { libdeflate_free_compressor(compressor); }
};

}  // namespace

Result<std::string> gzip(std::string_view bytes) {
  const std::unique_ptr<libdeflate_compressor, Free> compressor(libdeflate_alloc_compressor(kLevel));
  if (!compressor) return fail(Code::internal, "no memory to compress in");
  std::string out(libdeflate_gzip_compress_bound(compressor.get(), bytes.size()), '\0');
  const size_t size = libdeflate_gzip_compress(compressor.get(), bytes.data(), bytes.size(), out.data(), out.size());
  if (size == 0) return fail(Code::internal, "cannot be compressed");
  out.resize(size);
  return out;
}

}  // namespace vedette
