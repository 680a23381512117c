// Dot products of 8-bit codes, one per instruction set, chosen once at run time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace asteroid {

// Σ a[i]·b[i] over n unsigned bytes. `sum_a` is Σ a[i]: instructions that multiply unsigned by
// signed bytes work on b − 128 and add 128·Σa back, so nothing can saturate. n ≤ 4,000 keeps every
// partial sum inside 32 bits.
using DotU8 = uint32_t (*)(const uint8_t* a, uint32_t sum_a, const uint8_t* b, size_t n);

// The same of one array and four others at once: the four chains of additions overlap, and `a` is read
// once. `sum_b` holds the four Σ b[i].
using DotU8x4 = void (*)(const uint8_t* a, const uint8_t* const* b, const uint32_t* sum_b, size_t n,
                         uint32_t* dots);

// What a record stands for: x[i] = offset + scale·code[i], and with a second byte, fine[i], of residual,
// scale·(fine[i] − 128)/256 more.
struct Quantised {
    const uint8_t* codes;
    const uint8_t* fine;  // null: no residuals
    float offset;
    float scale;
};

struct DotAndNorm {
    float dot;           // Σ q[i]·x[i]
    float squared_norm;  // Σ x[i]²
};

// Sums over a float query and a quantised vector. The order of the additions is the same on every
// machine, so the results are too.
using DotNormF32 = DotAndNorm (*)(const float* q, const Quantised& x, size_t n);
using SquaredL2F32 = float (*)(const float* q, const Quantised& x, size_t n);

struct Kernels {
    const char* name;
    DotU8 dot_u8;
    DotU8x4 dot_u8_x4;
    DotNormF32 dot_norm_f32;
    SquaredL2F32 squared_l2_f32;
};

// Every kernel set this processor can run, fastest first; the last is always "portable".
const std::vector<Kernels>& available_kernels();

// The set in use.
const Kernels& kernels();

// Puts another available set in use (tests compare them); throws std::invalid_argument.
void use_kernels(const std::string& name);

}  // namespace asteroid
