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

// Σ q[i]·c[i] of a float query and codes, and Σ (q[i] − (offset + scale·c[i]))². The order of the
// additions is the same on every machine, so the results are too.
using DotF32 = float (*)(const float* q, const uint8_t* c, size_t n);
using SquaredL2F32 = float (*)(const float* q, const uint8_t* c, float offset, float scale, size_t n);

struct Kernels {
    const char* name;
    DotU8 dot_u8;
    DotF32 dot_f32;
    SquaredL2F32 squared_l2_f32;
};

// Every kernel set this processor can run, fastest first; the last is always "portable".
const std::vector<Kernels>& available_kernels();

// The set in use.
const Kernels& kernels();

// Puts another available set in use (tests compare them); throws std::invalid_argument.
void use_kernels(const std::string& name);

}  // namespace asteroid
