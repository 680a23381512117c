#include "columns/text_keys.hpp"

namespace asteroid {

void TextKeys::places_of(const TextList& wanted, size_t key_bytes, int64_t* places,
                         bool* is_equal) const {
    size_t place = 0;  // the first key above what was wanted before
    for (size_t i = 0; i < wanted.size(); ++i) {
        const std::string_view begin = wanted[i].substr(0, key_bytes);
        size_t low = place, high = place;
        for (size_t step = 1; high < count_ && (*this)[high] <= begin; step *= 2) {
            low = high + 1;
            high = step < count_ - high ? high + step : count_;
        }
        while (low < high) {
            const size_t middle = low + (high - low) / 2;
            if ((*this)[middle] <= begin)
                low = middle + 1;
            else
                high = middle;
        }
        place = low;
        places[i] = int64_t(place) - 1;
        is_equal[i] = place > 0 && (*this)[place - 1] == begin;
    }
}

}  // namespace asteroid
