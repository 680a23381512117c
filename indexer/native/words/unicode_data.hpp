// The table of characters as it is committed: base64 of varints, unpacked by unicode.cpp.
#pragma once

namespace asteroid {

extern const char* const UNICODE_VERSION;
extern const char* const UNICODE_KINDS;
extern const char* const UNICODE_CLASSES;
extern const char* const UNICODE_MAPPINGS;
extern const char* const UNICODE_MAPPINGS_ON;  // the ranges that come after those

}  // namespace asteroid
