#include "kernels.hpp"

#include <atomic>
#include <cstring>
#include <stdexcept>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#include <sys/auxv.h>
#endif

namespace asteroid {
namespace {

// ---- portable: also the reference that the others are tested against -------------------------

uint32_t dot_u8_portable(const uint8_t* a, uint32_t, const uint8_t* b, size_t n) {
    uint32_t total = 0;
    for (size_t i = 0; i < n; ++i) total += uint32_t(a[i]) * b[i];
    return total;
}

// Eight lanes folded in a fixed order, whatever the registers' width, so that every instruction set
// gives the same bits.
constexpr size_t LANES = 8;
constexpr size_t CHUNK = 512;  // codes widened at a time, on the stack
using Floats = float __attribute__((vector_size(LANES * sizeof(float)), aligned(4)));

#define ASTEROID_INLINE inline __attribute__((always_inline))

ASTEROID_INLINE float fold(const Floats& lanes) {
    float lane[LANES];
    std::memcpy(lane, &lanes, sizeof lane);
    for (size_t width = LANES / 2; width > 0; width /= 2)
        for (size_t j = 0; j < width; ++j) lane[j] += lane[j + width];
    return lane[0];
}

// Calls step(query, codes) for each eight values and adds what it gives; the last ones are padded
// and the padding is not counted.
template <class Step>
ASTEROID_INLINE float sum_over(const float* q, const uint8_t* c, size_t n, const Step& step) {
    Floats lanes{};
    float query[LANES], codes[CHUNK];
    for (size_t start = 0; start < n; start += CHUNK) {
        const size_t size = n - start < CHUNK ? n - start : CHUNK;
        for (size_t i = 0; i < size; ++i) codes[i] = float(c[start + i]);
        Floats x, y;
        size_t i = 0;
        for (; i + LANES <= size; i += LANES) {
            std::memcpy(&x, q + start + i, sizeof x);
            std::memcpy(&y, codes + i, sizeof y);
            lanes += step(x, y);
        }
        if (i == size) continue;
        Floats counted{};
        for (size_t j = 0; j < LANES; ++j) {
            const bool there = i + j < size;
            query[j] = there ? q[start + i + j] : 0;
            codes[i + j] = there ? codes[i + j] : 0;
            counted[j] = there ? 1 : 0;
        }
        std::memcpy(&x, query, sizeof x);
        std::memcpy(&y, codes + i, sizeof y);
        lanes += counted != 0 ? step(x, y) : Floats{};  // no product: infinity times 0 is not 0
    }
    return fold(lanes);
}

ASTEROID_INLINE float dot_f32_lanes(const float* q, const uint8_t* c, size_t n) {
    return sum_over(q, c, n, [](const Floats& x, const Floats& y) __attribute__((always_inline)) {
        return x * y;
    });
}

ASTEROID_INLINE float squared_l2_f32_lanes(const float* q, const uint8_t* c, float offset, float scale,
                                           size_t n) {
    return sum_over(
        q, c, n, [offset, scale](const Floats& x, const Floats& y) __attribute__((always_inline)) {
            const Floats d = x - (offset + scale * y);
            return d * d;
        });
}

float dot_f32_portable(const float* q, const uint8_t* c, size_t n) { return dot_f32_lanes(q, c, n); }

float squared_l2_f32_portable(const float* q, const uint8_t* c, float offset, float scale, size_t n) {
    return squared_l2_f32_lanes(q, c, offset, scale, n);
}

constexpr Kernels PORTABLE{"portable", dot_u8_portable, dot_f32_portable, squared_l2_f32_portable};

#if defined(__x86_64__)

// ---- AVX2: widened to 16 bits, for maddubs would saturate ------------------------------------

__attribute__((target("avx2"))) uint32_t dot_u8_avx2(const uint8_t* a, uint32_t, const uint8_t* b, size_t n) {
    __m256i total = _mm256_setzero_si256();
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        const __m256i x = _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(a + i)));
        const __m256i y = _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(b + i)));
        total = _mm256_add_epi32(total, _mm256_madd_epi16(x, y));
    }
    alignas(32) uint32_t lane[8];
    _mm256_store_si256(reinterpret_cast<__m256i*>(lane), total);
    uint32_t sum = 0;
    for (const uint32_t part : lane) sum += part;
    for (; i < n; ++i) sum += uint32_t(a[i]) * b[i];
    return sum;
}

__attribute__((target("avx2"))) float dot_f32_avx2(const float* q, const uint8_t* c, size_t n) {
    return dot_f32_lanes(q, c, n);
}

__attribute__((target("avx2"))) float squared_l2_f32_avx2(const float* q, const uint8_t* c, float offset,
                                                          float scale, size_t n) {
    return squared_l2_f32_lanes(q, c, offset, scale, n);
}

constexpr Kernels AVX2{"avx2", dot_u8_avx2, dot_f32_avx2, squared_l2_f32_avx2};

// ---- AVX-512 VNNI: 64 products an instruction, unsigned by signed ----------------------------

#define ASTEROID_VNNI __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni,prefer-vector-width=512")))

ASTEROID_VNNI uint32_t dot_u8_vnni(const uint8_t* a, uint32_t sum_a, const uint8_t* b, size_t n) {
    const __m512i flip = _mm512_set1_epi8(char(0x80));
    __m512i total = _mm512_setzero_si512();
    size_t i = 0;
    for (; i + 64 <= n; i += 64) {
        const __m512i x = _mm512_loadu_si512(a + i);
        const __m512i y = _mm512_xor_si512(_mm512_loadu_si512(b + i), flip);
        total = _mm512_dpbusd_epi32(total, x, y);
    }
    if (i < n) {
        const __mmask64 rest = ~0ULL >> (64 - (n - i));
        const __m512i x = _mm512_maskz_loadu_epi8(rest, a + i);
        const __m512i y = _mm512_xor_si512(_mm512_maskz_loadu_epi8(rest, b + i), flip);
        total = _mm512_dpbusd_epi32(total, x, y);  // x is 0 beyond the end, whatever y is
    }
    alignas(64) uint32_t lane[16];
    _mm512_store_si512(lane, total);
    uint32_t sum = 128u * sum_a;
    for (const uint32_t part : lane) sum += part;
    return sum;
}

ASTEROID_VNNI float dot_f32_vnni(const float* q, const uint8_t* c, size_t n) {
    return dot_f32_lanes(q, c, n);
}

ASTEROID_VNNI float squared_l2_f32_vnni(const float* q, const uint8_t* c, float offset, float scale,
                                        size_t n) {
    return squared_l2_f32_lanes(q, c, offset, scale, n);
}

constexpr Kernels VNNI{"avx512-vnni", dot_u8_vnni, dot_f32_vnni, squared_l2_f32_vnni};

#elif defined(__aarch64__)

// ---- NEON with the dot-product extension -----------------------------------------------------

#define ASTEROID_NEON __attribute__((target("arch=armv8.2-a+dotprod")))

ASTEROID_NEON uint32_t dot_u8_neon(const uint8_t* a, uint32_t, const uint8_t* b, size_t n) {
    uint32x4_t total = vdupq_n_u32(0);
    size_t i = 0;
    for (; i + 16 <= n; i += 16) total = vdotq_u32(total, vld1q_u8(a + i), vld1q_u8(b + i));
    uint32_t sum = vaddvq_u32(total);
    for (; i < n; ++i) sum += uint32_t(a[i]) * b[i];
    return sum;
}

constexpr Kernels NEON{"neon-dot", dot_u8_neon, dot_f32_portable, squared_l2_f32_portable};

#endif

std::vector<Kernels> detect() {
    std::vector<Kernels> found;
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl"))
        found.push_back(VNNI);
    if (__builtin_cpu_supports("avx2")) found.push_back(AVX2);
#elif defined(__aarch64__)
    constexpr unsigned long HAS_DOT_PRODUCT = 1UL << 20;  // HWCAP_ASIMDDP
    if (getauxval(AT_HWCAP) & HAS_DOT_PRODUCT) found.push_back(NEON);
#endif
    found.push_back(PORTABLE);
    return found;
}

std::atomic<const Kernels*>& current() {
    static std::atomic<const Kernels*> chosen{&available_kernels().front()};
    return chosen;
}

}  // namespace

const std::vector<Kernels>& available_kernels() {
    static const std::vector<Kernels> found = detect();
    return found;
}

const Kernels& kernels() { return *current().load(std::memory_order_relaxed); }

void use_kernels(const std::string& name) {
    for (const Kernels& each : available_kernels())
        if (name == each.name) return current().store(&each);
    throw std::invalid_argument("no such kernels on this processor: " + name);
}

}  // namespace asteroid
