// A query, prepared once: its record for walks and scans, its float form for final distances, and how far
// these two can be apart.
#pragma once

#include <cstdint>
#include <vector>

#include "quant/distance.hpp"
#include "quant/sq8.hpp"

namespace asteroid {

// Ranks order what is found: squared distances under l2, distances under cosine and ip. They are right for
// all finite vectors. First bytes are compared in floats, whose squares end at about 1e38: what may be beyond
// is left open by `bounds`, so that it is measured.
class Query {
  public:
    Query(const float* vector, const Shape& shape);
    Query(const Query&) = delete;
    Query& operator=(const Query&) = delete;

    // Orders candidates during walks and scans, by first bytes.
    const Anchor& anchor(bool is_of_0_1) const { return is_of_0_1 ? anchor_of_0_1_ : anchor_; }

    // The rank of the dequantised vector, from the float query; exact but for rounding.
    double rank(const uint8_t* record, const uint8_t* fine) const;
    // What callers are told: l2, 1 − cos, or −dot; rounded to a float where a float reaches.
    double distance_of(double rank) const;
    // Whether first bytes may say nothing of any row: then every row has to be measured by its rank.
    bool is_beyond_first_bytes() const { return is_beyond_first_bytes_; }

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
    float reject_beyond(double limit, const Widest& widest) const;
    // The same for rows of any width, where there is a limit to it, as there is for vectors of unit length.
    float reject_beyond(double limit) const;

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
    double cosine(const uint8_t* record, const uint8_t* fine) const;
    double rank_in_doubles(const uint8_t* record, const uint8_t* fine) const;
    double cosine_in_doubles(const std::vector<float>& row) const;

    Shape shape_;
    std::vector<float> vector_;
    std::vector<float> unit_;    // of unit length, under cosine
    std::vector<uint8_t> record_;
    Anchor anchor_, anchor_of_0_1_;
    double norm_ = 0;  // |vector|
    float error_ = 0;  // |q − q̂|; of unit length under cosine
    float root_dim_ = 0;
    float underflow_ = 0;  // what squares of first bytes lose at the lower end of a float's range
    bool is_beyond_first_bytes_ = false;
};

}  // namespace asteroid
