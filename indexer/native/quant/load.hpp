// Reading a value out of bytes, wherever they lie.
#pragma once

#include <cstdint>
#include <cstring>

namespace asteroid {

// The T that begins at `bytes`. A copy: bytes of a file are no objects of a type, and may not be aligned.
template <class T>
T load(const uint8_t* bytes) {
    T value;
    std::memcpy(&value, bytes, sizeof value);
    return value;
}

template <class T>
void store(uint8_t* bytes, const T& value) {
    std::memcpy(bytes, &value, sizeof value);
}

}  // namespace asteroid
