#include "quant/kernels.hpp"

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

void dot_u8_x4_portable(const uint8_t* a, const uint8_t* const* b, const uint32_t*, size_t n,
                        uint32_t* dots) {
    for (size_t j = 0; j < 4; ++j) dots[j] = dot_u8_portable(a, 0, b[j], n);
}

// Sixteen lanes folded in a fixed order, whatever the registers' width, so that every instruction set
// gives the same bits.
constexpr size_t LANES = 16;
constexpr size_t CHUNK = 512;  // values dequantised at a time, on the stack
using Floats = float __attribute__((vector_size(LANES * sizeof(float)), aligned(4)));

#define ASTEROID_INLINE inline __attribute__((always_inline))

ASTEROID_INLINE float fold(const Floats& lanes) {
    float lane[LANES];
    std::memcpy(lane, &lanes, sizeof lane);
    for (size_t width = LANES / 2; width > 0; width /= 2)
        for (size_t j = 0; j < width; ++j) lane[j] += lane[j + width];
    return lane[0];
}

ASTEROID_INLINE void dequantise(const Quantised& x, size_t start, size_t n, float* out) {
    const uint8_t* codes = x.codes + start;
    const float scale = x.scale;
    if (!x.fine) {
        const float offset = x.offset;
        for (size_t i = 0; i < n; ++i) out[i] = offset + scale * float(codes[i]);
        return;
    }
    const uint8_t* fine = x.fine + start;
    const float step = scale / 256, offset = x.offset - 128 * step;
    for (size_t i = 0; i < n; ++i) out[i] = offset + scale * float(codes[i]) + step * float(fine[i]);
}

// Calls step(query lanes, vector lanes) for each sixteen values; the last ones are padded with zeros on
// both sides.
template <class Step>
ASTEROID_INLINE void for_each_lanes(const float* q, const Quantised& x, size_t n, const Step& step) {
    float query[LANES], values[CHUNK + LANES];
    for (size_t start = 0; start < n; start += CHUNK) {
        const size_t size = n - start < CHUNK ? n - start : CHUNK;
        dequantise(x, start, size, values);
        Floats a, b;
        size_t i = 0;
        for (; i + LANES <= size; i += LANES) {
            std::memcpy(&a, q + start + i, sizeof a);
            std::memcpy(&b, values + i, sizeof b);
            step(a, b);
        }
        if (i == size) continue;
        for (size_t j = 0; j < LANES; ++j) {
            query[j] = i + j < size ? q[start + i + j] : 0;
            if (i + j >= size) values[i + j] = 0;
        }
        std::memcpy(&a, query, sizeof a);
        std::memcpy(&b, values + i, sizeof b);
        step(a, b);
    }
}

ASTEROID_INLINE DotAndNorm dot_norm_f32_lanes(const float* q, const Quantised& x, size_t n) {
    Floats dot{}, norm{};
    for_each_lanes(q, x, n, [&](const Floats& a, const Floats& b) __attribute__((always_inline)) {
        dot += a * b;
        norm += b * b;
    });
    return {fold(dot), fold(norm)};
}

ASTEROID_INLINE float squared_l2_f32_lanes(const float* q, const Quantised& x, size_t n) {
    Floats sum{};
    for_each_lanes(q, x, n, [&](const Floats& a, const Floats& b) __attribute__((always_inline)) {
        const Floats d = a - b;
        sum += d * d;
    });
    return fold(sum);
}

DotAndNorm dot_norm_f32_portable(const float* q, const Quantised& x, size_t n) {
    return dot_norm_f32_lanes(q, x, n);
}

float squared_l2_f32_portable(const float* q, const Quantised& x, size_t n) {
    return squared_l2_f32_lanes(q, x, n);
}

constexpr Kernels PORTABLE{"portable", dot_u8_portable, dot_u8_x4_portable, dot_norm_f32_portable,
                           squared_l2_f32_portable};

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

__attribute__((target("avx2"))) void dot_u8_x4_avx2(const uint8_t* a, const uint8_t* const* b,
                                                    const uint32_t*, size_t n, uint32_t* dots) {
    __m256i total[4] = {_mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256(),
                        _mm256_setzero_si256()};
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        const __m256i x = _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(a + i)));
        for (size_t j = 0; j < 4; ++j) {
            const __m128i packed = _mm_loadu_si128(reinterpret_cast<const __m128i*>(b[j] + i));
            total[j] = _mm256_add_epi32(total[j], _mm256_madd_epi16(x, _mm256_cvtepu8_epi16(packed)));
        }
    }
    const __m256i pairs = _mm256_hadd_epi32(_mm256_hadd_epi32(total[0], total[1]),
                                            _mm256_hadd_epi32(total[2], total[3]));
    const __m128i sums = _mm_add_epi32(_mm256_castsi256_si128(pairs), _mm256_extracti128_si256(pairs, 1));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(dots), sums);
    for (; i < n; ++i)
        for (size_t j = 0; j < 4; ++j) dots[j] += uint32_t(a[i]) * b[j][i];
}

__attribute__((target("avx2"))) DotAndNorm dot_norm_f32_avx2(const float* q, const Quantised& x, size_t n) {
    return dot_norm_f32_lanes(q, x, n);
}

__attribute__((target("avx2"))) float squared_l2_f32_avx2(const float* q, const Quantised& x, size_t n) {
    return squared_l2_f32_lanes(q, x, n);
}

constexpr Kernels AVX2{"avx2", dot_u8_avx2, dot_u8_x4_avx2, dot_norm_f32_avx2, squared_l2_f32_avx2};

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

// Here the codes are the unsigned side and the query is flipped, once for all four.
ASTEROID_VNNI void dot_u8_x4_vnni(const uint8_t* a, const uint8_t* const* b, const uint32_t* sum_b, size_t n,
                                  uint32_t* dots) {
    const __m512i flip = _mm512_set1_epi8(char(0x80));
    __m512i w = _mm512_setzero_si512(), x = w, y = w, z = w;
    size_t i = 0;
    for (; i + 64 <= n; i += 64) {
        const __m512i query = _mm512_xor_si512(_mm512_loadu_si512(a + i), flip);
        w = _mm512_dpbusd_epi32(w, _mm512_loadu_si512(b[0] + i), query);
        x = _mm512_dpbusd_epi32(x, _mm512_loadu_si512(b[1] + i), query);
        y = _mm512_dpbusd_epi32(y, _mm512_loadu_si512(b[2] + i), query);
        z = _mm512_dpbusd_epi32(z, _mm512_loadu_si512(b[3] + i), query);
    }
    if (i < n) {
        const __mmask64 rest = ~0ULL >> (64 - (n - i));
        const __m512i query = _mm512_xor_si512(_mm512_maskz_loadu_epi8(rest, a + i), flip);
        w = _mm512_dpbusd_epi32(w, _mm512_maskz_loadu_epi8(rest, b[0] + i), query);
        x = _mm512_dpbusd_epi32(x, _mm512_maskz_loadu_epi8(rest, b[1] + i), query);
        y = _mm512_dpbusd_epi32(y, _mm512_maskz_loadu_epi8(rest, b[2] + i), query);
        z = _mm512_dpbusd_epi32(z, _mm512_maskz_loadu_epi8(rest, b[3] + i), query);
    }
    const auto halve = [](__m512i v) __attribute__((always_inline, target("avx512f"))) {
        return _mm256_add_epi32(_mm512_maskz_extracti64x4_epi64(0xff, v, 0),
                                _mm512_maskz_extracti64x4_epi64(0xff, v, 1));
    };
    const __m256i pairs = _mm256_hadd_epi32(_mm256_hadd_epi32(halve(w), halve(x)),
                                            _mm256_hadd_epi32(halve(y), halve(z)));
    const __m128i sums = _mm_add_epi32(_mm256_castsi256_si128(pairs), _mm256_extracti128_si256(pairs, 1));
    const __m128i back = _mm_slli_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(sum_b)), 7);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(dots), _mm_add_epi32(sums, back));
}

ASTEROID_VNNI DotAndNorm dot_norm_f32_vnni(const float* q, const Quantised& x, size_t n) {
    return dot_norm_f32_lanes(q, x, n);
}

ASTEROID_VNNI float squared_l2_f32_vnni(const float* q, const Quantised& x, size_t n) {
    return squared_l2_f32_lanes(q, x, n);
}

constexpr Kernels VNNI{"avx512-vnni", dot_u8_vnni, dot_u8_x4_vnni, dot_norm_f32_vnni, squared_l2_f32_vnni};

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

ASTEROID_NEON void dot_u8_x4_neon(const uint8_t* a, const uint8_t* const* b, const uint32_t*, size_t n,
                                  uint32_t* dots) {
    uint32x4_t total[4] = {vdupq_n_u32(0), vdupq_n_u32(0), vdupq_n_u32(0), vdupq_n_u32(0)};
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        const uint8x16_t x = vld1q_u8(a + i);
        for (size_t j = 0; j < 4; ++j) total[j] = vdotq_u32(total[j], x, vld1q_u8(b[j] + i));
    }
    for (size_t j = 0; j < 4; ++j) dots[j] = vaddvq_u32(total[j]);
    for (; i < n; ++i)
        for (size_t j = 0; j < 4; ++j) dots[j] += uint32_t(a[i]) * b[j][i];
}

constexpr Kernels NEON{"neon-dot", dot_u8_neon, dot_u8_x4_neon, dot_norm_f32_portable,
                       squared_l2_f32_portable};

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
