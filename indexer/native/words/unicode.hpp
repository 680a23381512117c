// What the characters of Unicode are to words, and how they are compared: in compatibility form (NFKC),
// without case. The table is this program's own, so that words do not depend on what else is installed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace asteroid {

// A word is letters and digits, and marks after them. Characters of Chinese, Japanese and Korean are letters
// of their own kind. What is ignored, such as a soft hyphen, ends no word.
enum class CharKind : uint8_t { other, letter, mark, cjk, ignored };

constexpr uint32_t NO_CHARACTER = 0xfffd;  // stands for bytes that are not UTF-8

// The character that begins at `at`, which is moved behind it; at must be before the end.
uint32_t next_character(std::string_view text, size_t& at);
void append_utf8(uint32_t code, std::string& out);

CharKind kind_of(uint32_t code);

// Appends a character, decomposed and without case.
void append_folded(uint32_t code, std::vector<uint32_t>& out);
// Puts marks in order and joins them with their letters, as NFC does.
void compose(std::vector<uint32_t>& codes);

// The version of the character database that the table was made from.
const char* unicode_version();

}  // namespace asteroid
