// Texts that name a moment: times and dates as RFC 3339 writes them, with an offset or without.
#pragma once

#include <string>

namespace asteroid {

struct Moment {
    double second;    // counted from the day before 0001-01-01 (UTC), without its fraction; a leap second
                      // counts as the one before it
    bool has_offset;  // a `date-time`; otherwise a `full-date` or a time without its offset, which is in UTC
    bool is_whole;    // neither a fraction nor a leap second follows

    // Orders as moments do, but for those within one second: whole ones stand apart from these.
    double key() const { return is_whole ? second : second + 0.5; }
};

// False for any text that is none.
bool moment_of(const std::string& text, Moment& moment);

}  // namespace asteroid
