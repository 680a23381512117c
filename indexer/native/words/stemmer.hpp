// The stems of words in one language, by Snowball.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct sb_stemmer;

namespace asteroid {

// Not for two threads at once.
class Stemmer {
  public:
    // Throws std::invalid_argument for a language that is not among languages().
    explicit Stemmer(const std::string& language);

    // The stem of a word in lower case; good until the next call.
    std::string_view stem(std::string_view word);

    static std::vector<std::string> languages();

  private:
    struct Delete {
        void operator()(sb_stemmer* stemmer) const;
    };
    std::unique_ptr<sb_stemmer, Delete> stemmer_;
};

}  // namespace asteroid
