// Words, text indexes and their search, as Python sees them.
#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "bind/module.hpp"
#include "bind/names.hpp"
#include "postings/bm25.hpp"
#include "words/stemmer.hpp"

namespace py = pybind11;

namespace asteroid {
namespace {

using FieldNames = std::pair<std::vector<std::string>, std::string>;
using Bytes = std::vector<uint8_t>;

std::vector<TextField> fields_from(const std::vector<FieldNames>& names) {
    require(!names.empty() && names.size() <= TEXT_FIELDS_MAX, "too few fields, or too many");
    std::vector<TextField> fields;
    for (const auto& [path, language] : names) {
        require(!path.empty(), "a path has a name at least");
        if (!language.empty()) Stemmer{language};  // throws for one that is not known
        fields.push_back({path, language});
    }
    return fields;
}

std::vector<std::string_view> views_of(const py::list& texts) {
    std::vector<std::string_view> views;
    views.reserve(texts.size());
    for (const py::handle& text : texts) views.push_back(bytes_of(text));
    return views;
}

py::list words_of(const py::bytes& text, const std::string& language) {
    std::optional<Stemmer> stemmer;
    if (!language.empty()) stemmer.emplace(language);
    std::vector<std::string> found;
    const std::string_view view = bytes_of(text);
    {
        const ReleaseGilIf release(view.size() > 4096);
        WordReader().read(view, [&](std::string_view word, bool is_cjk) {
            if (stemmer && !is_cjk) word = stemmer->stem(word).substr(0, WORD_BYTES_MAX);
            found.emplace_back(word);
        });
    }
    py::list words;
    for (const std::string& word : found) words.append(py::bytes(word));
    return words;
}

// Adds texts until the run is full; gives how many it has taken.
size_t add_some(GrowingRun& run, const py::list& texts, size_t first, size_t bytes_max) {
    const std::vector<std::string_view> views = views_of(texts);
    const py::gil_scoped_release release;  // the caller's list keeps the texts alive
    size_t taken = first;
    while (taken < views.size() && run.rows() < RUN_ROWS_MAX && (run.rows() == 0 || run.bytes() < bytes_max))
        run.add(views[taken++]);
    return taken - first;
}

py::bytes bytes_from(const Bytes& bytes) {
    return py::bytes(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

py::tuple sections_of(const GrowingRun& run) {
    RunSections out;
    {
        const py::gil_scoped_release release;
        out = run.sections();
    }
    py::list lengths;
    for (const auto& [width, bytes] : out.lengths) lengths.append(py::make_tuple(width, bytes_from(bytes)));
    return py::make_tuple(out.terms, bytes_from(out.groups), bytes_from(out.words), bytes_from(out.postings),
                          bytes_from(out.positions), lengths);
}

// (first, rows, terms, groups, (words, bytes), (postings, bytes), (positions, bytes), [(place, width)])
using Place = std::pair<uint64_t, uint64_t>;
using RunPlaces = std::tuple<uint32_t, uint32_t, uint32_t, uint64_t, Place, Place, Place,
                             std::vector<std::pair<uint64_t, unsigned>>>;

std::unique_ptr<FileTextIndex> opened(const std::string& path, size_t fields, uint32_t rows,
                                      const std::vector<RunPlaces>& runs) {
    std::vector<RunLayout> layouts;
    for (const auto& [first, count, terms, groups, words, postings, positions, lengths] : runs)
        layouts.push_back({first, count, terms, groups, words.first, words.second, postings.first,
                           postings.second, positions.first, positions.second, lengths});
    const py::gil_scoped_release release;
    return std::make_unique<FileTextIndex>(path, fields, rows, layouts);
}

void extend(TailTextIndex& index, uint32_t first, const py::list& texts) {
    const std::vector<std::string_view> views = views_of(texts);
    const py::gil_scoped_release release;
    index.extend(first, views);
}

// (index, part, rows, alive or None, dead, mask or None, matches)
TextPart part_from(const py::tuple& given, std::vector<Array<uint8_t>>& kept) {
    require(given.size() == 7, "a part has seven fields");
    TextPart part{};
    part.index = given[0].cast<const TextIndex*>();
    part.part = given[1].cast<const Part*>();
    require(part.index && part.part, "a part needs an index and rows");
    part.visible.rows = given[2].cast<uint32_t>();
    require(part.visible.rows <= std::min(part.part->rows(), part.index->rows()), "no such rows");
    const auto bits_of = [&](const py::handle& bits) {
        if (bits.is_none()) return Mask{};
        kept.push_back(bits.cast<Array<uint8_t>>());
        require(size_t(kept.back().size()) >= (size_t(part.visible.rows) + 7) / 8, "the mask is too short");
        return Mask{kept.back().data()};
    };
    part.visible.alive = bits_of(given[3]);
    part.visible.dead = given[4].cast<uint64_t>();
    part.mask = bits_of(given[5]);
    part.matches = given[6].cast<uint32_t>();
    require(part.visible.alive.bits || part.visible.dead == 0, "the dead rows are not told");
    return part;
}

TextQuery query_from(const std::vector<TextPart>& parts,
                     const std::vector<std::tuple<py::bytes, uint32_t, uint32_t, double>>& terms,
                     const std::vector<std::vector<std::pair<py::bytes, uint32_t>>>& phrases) {
    TextQuery query;
    const auto checked = [&](const py::bytes& name, size_t field) {
        const std::string term(bytes_of(name));
        require(!term.empty() && uint8_t(term[0]) == field, "a term begins with the number of its field");
        for (const TextPart& part : parts) require(field < part.index->fields(), "no such field");
        return term;
    };
    for (const auto& [name, field, word, weight] : terms) {
        query.terms.push_back({checked(name, field), field, word, weight});
        query.words = std::max(query.words, word + 1);
    }
    for (const auto& phrase : phrases) {
        require(!phrase.empty(), "a phrase has a word at least");
        query.phrases.emplace_back();
        for (const auto& [name, place] : phrase) {
            const std::string_view text = bytes_of(name);
            query.phrases.back().emplace_back(checked(name, text.empty() ? 256 : uint8_t(text[0])), place);
        }
    }
    return query;
}

py::tuple search(const std::vector<py::tuple>& given,
                 const std::vector<std::tuple<py::bytes, uint32_t, uint32_t, double>>& terms,
                 const std::vector<std::vector<std::pair<py::bytes, uint32_t>>>& phrases, bool needs_all,
                 uint32_t k, bool counts, Allowance* allowance) {
    std::vector<Array<uint8_t>> kept;
    std::vector<TextPart> parts;
    for (const py::tuple& each : given) parts.push_back(part_from(each, kept));
    for (const TextPart& part : parts)
        require(part.part->has_names() == parts.front().part->has_names(), "ids of one kind");
    TextQuery query = query_from(parts, terms, phrases);
    require(k > 0, "k must be at least 1");
    query.k = k;
    query.needs_all = needs_all;
    query.counts = counts;
    TextAnswer answer;
    {
        const py::gil_scoped_release release;
        answer = search_text(parts, query, allowance);
    }
    const size_t n = answer.hits.size();
    Array<double> scores(n);
    Array<uint32_t> numbers(n), ordinals(n);
    for (size_t i = 0; i < n; ++i) {
        scores.mutable_data()[i] = answer.hits[i].distance;
        numbers.mutable_data()[i] = answer.hits[i].part;
        ordinals.mutable_data()[i] = answer.hits[i].ordinal;
    }
    py::object ids;
    if (!parts.empty() && parts.front().part->has_names()) {
        NameArray names({n});
        for (size_t i = 0; i < n; ++i)
            names.set(i, parts[answer.hits[i].part].part->name(answer.hits[i].ordinal));
        ids = names.take();
    } else {
        Array<uint64_t> numbers_of(n);
        for (size_t i = 0; i < n; ++i) numbers_of.mutable_data()[i] = answer.hits[i].id;
        ids = std::move(numbers_of);
    }
    return py::make_tuple(ids, scores, numbers, ordinals, answer.matches, answer.postings);
}

}  // namespace

void bind_text(py::module_& m) {
    m.attr("ANALYSER_VERSION") = ANALYSER_VERSION;
    m.attr("UNICODE_VERSION") = unicode_version();
    m.attr("TEXT_LANGUAGES") = Stemmer::languages();
    m.attr("TEXT_FIELDS_MAX") = TEXT_FIELDS_MAX;
    m.def("words", &words_of, py::arg("text"), py::arg("language") = "");
    py::class_<GrowingRun, Holder<GrowingRun>>(m, "GrowingRun")
        .def(py::init([](const std::vector<FieldNames>& fields, uint32_t first) {
                 return Holder<GrowingRun>(new GrowingRun(fields_from(fields), first));
             }),
             py::arg("fields"), py::arg("first"))
        .def_property_readonly("rows", &GrowingRun::rows)
        .def_property_readonly("ram_bytes", &GrowingRun::bytes)
        .def("add", &add_some, py::arg("texts"), py::arg("first"), py::arg("bytes_max"))
        .def("sections", &sections_of);
    py::class_<TextIndex>(m, "TextIndex")
        .def_property_readonly("rows", &TextIndex::rows);
    py::class_<TailTextIndex, TextIndex>(m, "TailTextIndex")
        .def(py::init([](const std::vector<FieldNames>& fields) {
                 return std::make_unique<TailTextIndex>(fields_from(fields));
             }),
             py::arg("fields"))
        .def("extend", &extend, py::arg("first"), py::arg("texts"))
        .def_property_readonly("ram_bytes", &TailTextIndex::bytes);
    py::class_<FileTextIndex, TextIndex>(m, "FileTextIndex")
        .def(py::init(&opened), py::arg("path"), py::arg("fields"), py::arg("rows"), py::arg("runs"));
    m.def("search_text", &search, py::arg("parts"), py::arg("terms"), py::arg("phrases"),
          py::arg("needs_all"), py::arg("k"), py::arg("counts") = false,
          py::arg("allowance").none(true) = py::none());
}

}  // namespace asteroid
