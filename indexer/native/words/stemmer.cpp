#include "words/stemmer.hpp"

#include <libstemmer.h>

#include <algorithm>
#include <new>
#include <stdexcept>

namespace asteroid {

Stemmer::Stemmer(const std::string& language) {
    const std::vector<std::string> known = languages();
    if (std::find(known.begin(), known.end(), language) == known.end())
        throw std::invalid_argument("no such language: " + language);
    stemmer_.reset(sb_stemmer_new(language.c_str(), nullptr));
    if (!stemmer_) throw std::bad_alloc();
}

void Stemmer::Delete::operator()(sb_stemmer* stemmer) const { sb_stemmer_delete(stemmer); }

std::string_view Stemmer::stem(std::string_view word) {
    const sb_symbol* const found =
        sb_stemmer_stem(stemmer_.get(), reinterpret_cast<const sb_symbol*>(word.data()), int(word.size()));
    if (!found) throw std::bad_alloc();
    return {reinterpret_cast<const char*>(found), size_t(sb_stemmer_length(stemmer_.get()))};
}

std::vector<std::string> Stemmer::languages() {
    std::vector<std::string> names;
    for (const char** name = sb_stemmer_list(); *name; ++name) names.emplace_back(*name);
    return names;
}

}  // namespace asteroid
