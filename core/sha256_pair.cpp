// OpenSSL's EVP does not give its state away; this interface does, and is as fast. 3.0 deprecates it in favour of EVP.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "core/sha256_pair.h"

#include <openssl/sha.h>

#include <array>
#include <utility>

#include "core/text.h"

#ifdef __x86_64__
#include <cpuid.h>
#include <immintrin.h>
#endif

namespace vedette {

namespace {

constexpr size_t kBlockBytes = 64;

#ifdef __x86_64__
// Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2: CPUID, and the SHA extensions.
bool has_sha_instructions() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & bit_SSE4_1) == 0) return false;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b & bit_SHA) != 0;
}

#define WITH_SHA __attribute__((target("sha,sse4.1")))

// FIPS 180-4, 4.2.2.
alignas(16) constexpr std::array<uint32_t, 64> kConstants = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

// The words a to h of a hash as the instructions want them: two by two, the first one highest.
struct State {
  __m128i abef;
  __m128i cdgh;
};

WITH_SHA inline State load(const SHA_LONG* h) {
  const __m128i abcd = _mm_loadu_si128(reinterpret_cast<const __m128i*>(h));
  const __m128i efgh = _mm_loadu_si128(reinterpret_cast<const __m128i*>(h + 4));
  const __m128i badc = _mm_shuffle_epi32(abcd, _MM_SHUFFLE(2, 3, 0, 1));
  const __m128i hgfe = _mm_shuffle_epi32(efgh, _MM_SHUFFLE(0, 1, 2, 3));
  return {_mm_alignr_epi8(badc, hgfe, 8), _mm_blend_epi16(hgfe, badc, 0xf0)};
}

WITH_SHA inline void store(const State& state, SHA_LONG* h) {
  const __m128i abef = _mm_shuffle_epi32(state.abef, _MM_SHUFFLE(0, 1, 2, 3));
  const __m128i ghcd = _mm_shuffle_epi32(state.cdgh, _MM_SHUFFLE(2, 3, 0, 1));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(h), _mm_blend_epi16(abef, ghcd, 0xf0));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(h + 4), _mm_alignr_epi8(ghcd, abef, 8));
}

WITH_SHA inline void four_rounds(State& state, __m128i words) {
  state.cdgh = _mm_sha256rnds2_epu32(state.cdgh, state.abef, words);
  state.abef = _mm_sha256rnds2_epu32(state.abef, state.cdgh, _mm_shuffle_epi32(words, _MM_SHUFFLE(1, 0, 3, 2)));
}

// The four words of the message schedule that follow these sixteen.
WITH_SHA inline __m128i next_words(__m128i w0, __m128i w4, __m128i w8, __m128i w12) {
  return _mm_sha256msg2_epu32(_mm_add_epi32(_mm_sha256msg1_epu32(w0, w4), _mm_alignr_epi8(w12, w8, 4)), w12);
}

// A round of one hash waits for the one before it; those of the other fill that time, and share the message schedule.
WITH_SHA void add_blocks(SHA256_CTX& one, SHA256_CTX& other, const uint8_t* at, size_t blocks) {
  const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  State a = load(one.h), b = load(other.h);
  for (; blocks > 0; --blocks, at += kBlockBytes) {
    const State a_before = a, b_before = b;
    __m128i w[4];
    for (size_t i = 0; i < 4; ++i)
      w[i] = _mm_shuffle_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at + i * 16)), big_endian);
    for (size_t round = 0; round < 64; round += 16) {
      for (size_t i = 0; i < 4; ++i) {
        const __m128i words =
            _mm_add_epi32(w[i], _mm_load_si128(reinterpret_cast<const __m128i*>(&kConstants[round + i * 4])));
        four_rounds(a, words);
        four_rounds(b, words);
        if (round < 48) w[i] = next_words(w[i], w[(i + 1) % 4], w[(i + 2) % 4], w[(i + 3) % 4]);
      }
    }
    a = {_mm_add_epi32(a.abef, a_before.abef), _mm_add_epi32(a.cdgh, a_before.cdgh)};
    b = {_mm_add_epi32(b.abef, b_before.abef), _mm_add_epi32(b.cdgh, b_before.cdgh)};
  }
  store(a, one.h);
  store(b, other.h);
}
#else
bool has_sha_instructions() {
  return false;
}
void add_blocks(SHA256_CTX&, SHA256_CTX&, const uint8_t*, size_t) {}
#endif

void count(SHA256_CTX& context, size_t bytes) {
  const uint64_t bits = ((uint64_t{context.Nh} << 32) | context.Nl) + bytes * 8;
  context.Nl = static_cast<SHA_LONG>(bits);
  context.Nh = static_cast<SHA_LONG>(bits >> 32);
}

// Of both, as many as can be added together.
size_t add_to_both(SHA256_CTX& one, SHA256_CTX& other, std::span<const uint8_t> bytes) {
  static const bool can = has_sha_instructions();
  if (!can || one.num != 0 || other.num != 0) return 0;
  const size_t blocks = bytes.size() / kBlockBytes;
  add_blocks(one, other, bytes.data(), blocks);
  count(one, blocks * kBlockBytes);
  count(other, blocks * kBlockBytes);
  return blocks * kBlockBytes;
}

std::string hex(SHA256_CTX& context) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256_Final(digest.data(), &context);
  return to_hex({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

}  // namespace

struct Sha256Pair::Contexts {
  SHA256_CTX part{};
  SHA256_CTX whole{};
  bool is_first_part = true;  // of which the whole is no more yet
};

Sha256Pair::Sha256Pair() : contexts_(std::make_unique<Contexts>()) {
  SHA256_Init(&contexts_->part);
}
Sha256Pair::~Sha256Pair() = default;
Sha256Pair::Sha256Pair(Sha256Pair&&) noexcept = default;
Sha256Pair& Sha256Pair::operator=(Sha256Pair&&) noexcept = default;

void Sha256Pair::add(std::span<const uint8_t> bytes) {
  auto& [part, whole, is_first_part] = *contexts_;
  if (!is_first_part) bytes = bytes.subspan(add_to_both(part, whole, bytes));
  SHA256_Update(&part, bytes.data(), bytes.size());
  if (!is_first_part) SHA256_Update(&whole, bytes.data(), bytes.size());
}

std::string Sha256Pair::end_part() {
  auto& [part, whole, is_first_part] = *contexts_;
  if (std::exchange(is_first_part, false)) whole = part;
  std::string digest = hex(part);
  SHA256_Init(&part);
  return digest;
}

std::string Sha256Pair::end() {
  return hex(contexts_->whole);
}

}  // namespace vedette
