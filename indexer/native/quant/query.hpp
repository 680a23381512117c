// A query, prepared once: its record for walks and scans, its float form for final distances, and how far
// these two can be apart.
#pragma once

#include <cstdint>
#include <vector>

#include "quant/distance.hpp"
#include "quant/sq8.hpp"

namespace asteroid {

// Ranks order what is found: squared distances under l2, distances under cosine and ip.
class Query {
  public:
    Query(const float* vector, const Shape& shape);
    Query(const Query&) = delete;
    Query& operator=(const Query&) = delete;

    // Orders candidates during walks and scans, by first bytes.
    const Anchor& anchor(bool is_of_0_1) const { return is_of_0_1 ? anchor_of_0_1_ : anchor_; }

    // The rank of the dequantised vector, from the float query; exact but for rounding.
    float rank(const uint8_t* record, const uint8_t* fine) const;
    // What callers are told: l2, 1 − cos, or −dot.
    float distance_of(float rank) const;

    // How far the rank of a row can be from the one that the anchor gives. `first` is that one.
    struct Bounds {
        float low, high;
    };
    Bounds bounds(float first, const uint8_t* record, bool is_of_0_1) const;
    // The largest scale and value of some records.
    struct Widest {
        float scale = 0, value = 0;
        bool take_in(const RecordHeader& header);  // whether it grew
    };
    // What the anchor gives for a row with `bounds(…).low` of at most `limit` is at most this, unless the row
    // is wider than `widest`.
    float reject_beyond(float limit, const Widest& widest) const;
    // The same for rows of any width, where there is a limit to it, as there is for vectors of unit length.
    float reject_beyond(float limit) const;

  private:
    // What first bytes can be wrong by: on the squared distance of a row at `distance`, and on a distance at
    // most.
    struct Error {
        float spread, most, rounding;
    };
    Error error_of(float residual, float value) const;
    float ip_error(float first, float length, float residual, float value) const;
    float residual_of(const RecordHeader& header, float scale, bool is_of_0_1) const;
    float ones(float first) const;
    float cosine(const uint8_t* record, const uint8_t* fine) const;
    float cosine_of_extremes(const uint8_t* record, const uint8_t* fine) const;

    Shape shape_;
    std::vector<float> vector_;  // without the centre
    std::vector<float> unit_;    // of unit length, under cosine
    std::vector<uint8_t> record_;
    Anchor anchor_, anchor_of_0_1_;
    double norm_ = 0;  // |vector|
    float error_ = 0;  // |q − q̂|; of unit length under cosine
    float root_dim_ = 0;
};

}  // namespace asteroid
