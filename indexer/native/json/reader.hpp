// Reading JSON text once, front to back, without building anything: payloads are shredded into columns.
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>

namespace asteroid {

// The text is not JSON, or says what a column cannot hold.
struct Malformed : std::runtime_error {
    using std::runtime_error::runtime_error;
};

class JsonText {
  public:
    JsonText(const char* text, size_t bytes) : at_(text), end_(text + bytes) {}

    // The next character that is not white space, which stays where it is; 0 at the end.
    char peek();
    // Takes `expected`, after white space, or throws.
    void take(char expected);
    // Takes `wanted` if it comes next; says whether it did.
    bool take_if(char wanted);
    // Takes the rest of a word: true, false or null.
    void take_word(const char* word);
    // Takes a string, unescaped, as UTF-8.
    void take_string(std::string& into);
    // Takes a number as the double that is nearest to it.
    double take_number();
    // Takes whatever value comes next.
    void skip_value(int depth_left);
    // Throws unless only white space is left.
    void finish();

  private:
    unsigned take_hex();
    void take_escape(std::string& into);
    void skip_string();

    const char* at_;
    const char* end_;
};

}  // namespace asteroid
