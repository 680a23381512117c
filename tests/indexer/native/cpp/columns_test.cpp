// Payloads taken apart into columns.
#include "columns/columns.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace asteroid {
namespace {

constexpr size_t ALL = 1 << 20;

Shredder shredded(const std::vector<std::string>& payloads, size_t bytes_max = ALL) {
    Shredder shredder(64, 8, bytes_max, testing::TempDir());
    for (const std::string& text : payloads) shredder.add(text.data(), text.size());
    return shredder;
}

// The column of a member of the root.
ColumnName named(Shredder& shredder, const std::string& name, ColumnKind kind) {
    return {shredder.path_of(Shredder::ROOT, name, false), kind};
}

// Sorted, a few entries at a time.
std::unique_ptr<SortedColumn> sorted(Shredder& shredder, const ColumnName& name, size_t exact_max) {
    auto column = shredder.take(name, {exact_max, 0});
    while (column->step(3)) {
    }
    return column;
}

std::vector<uint32_t> rows_of(const SortedColumn& column) {
    std::vector<uint32_t> rows(column.size());
    column.rows(0, rows.size(), rows.data());
    return rows;
}

TEST(Shredder, SortsNumbersWithTheirRows) {
    Shredder shredder = shredded({R"({"n":3})", R"({"n":1})", "", R"({"n":3,"m":true})"});
    const auto column = sorted(shredder, named(shredder, "n", ColumnKind::number), 100);
    EXPECT_TRUE(column->groups().exact());
    EXPECT_EQ(column->groups().numbers, (std::vector<double>{1, 3}));
    EXPECT_EQ(rows_of(*column), (std::vector<uint32_t>{1, 0, 3}));
    EXPECT_EQ(column->groups().starts, (std::vector<uint32_t>{0, 1, 3}));
}

TEST(Shredder, KeysOfStringsAreUnescapedAndCut) {
    const std::string lengthy(100, 'z');
    Shredder shredder = shredded({R"({"s":"b\u0061"})", R"({"s":")" + lengthy + R"("})", R"({"s":"a"})"});
    const auto column = sorted(shredder, named(shredder, "s", ColumnKind::string), 100);
    const std::string text(column->groups().text.begin(), column->groups().text.end());
    EXPECT_EQ(text, "aba" + std::string(Shredder::KEY_BYTES, 'z'));
    EXPECT_EQ(rows_of(*column), (std::vector<uint32_t>{2, 0, 1}));
}

TEST(Shredder, ManyKeysAreSparse) {
    std::vector<std::string> payloads;
    for (int i = 0; i < 100; ++i) payloads.push_back("{\"n\":" + std::to_string(i) + "}");
    Shredder shredder = shredded(payloads);
    const auto column = sorted(shredder, named(shredder, "n", ColumnKind::number), 10);
    EXPECT_FALSE(column->groups().exact());
    EXPECT_EQ(column->groups().numbers, (std::vector<double>{0, 16, 32, 48, 64, 80, 96}));
    EXPECT_EQ(column->groups().starts.back(), 100u);
}

TEST(Shredder, WhatIsNotDescribedIsNoted) {
    const Shredder shredder =
        shredded({R"({"a":1})", R"({"a":1,"a":2})", "not JSON", R"({"a":"\xff"})", R"({"a":01})", "{}"});
    EXPECT_EQ(shredder.unindexed(), (std::vector<uint32_t>{1, 2, 3, 4}));
}

TEST(Shredder, AnyTextIsTaken) {
    const std::string whole = R"({"a":{"b":[1,"x",null,{"c":[]}]},"d":"2026-01-01T00:00:00Z"})";
    Shredder shredder(64, 8, ALL, testing::TempDir());
    for (size_t size = 0; size <= whole.size(); ++size)
        for (const char other : {'\0', '"', '{', ']', '\\', '9'}) {
            std::string text = whole.substr(0, size);
            if (size > 0) text[size / 2] = other;
            const std::vector<char> exact(text.begin(), text.end());
            shredder.add(exact.data(), exact.size());
        }
    for (const ColumnName& name : shredder.columns()) sorted(shredder, name, 4);
}

TEST(Shredder, WhatDoesNotFitIsSortedInAFile) {
    std::vector<std::string> payloads;
    for (int i = 0; i < 3000; ++i)
        payloads.push_back("{\"n\":" + std::to_string(i * 7 % 501) + ",\"s\":\"a common beginning " +
                           std::to_string(i * 11 % 1000) + "\"}");
    for (const auto& [name, kind] : {std::pair("n", ColumnKind::number), std::pair("s", ColumnKind::string)})
        for (const size_t exact_max : {50, 5000}) {
            Shredder one = shredded(payloads), other = shredded(payloads, 1000);
            one.settle();
            other.settle();
            const auto a = sorted(one, named(one, name, kind), exact_max);
            const auto b = sorted(other, named(other, name, kind), exact_max);
            EXPECT_EQ(a->groups().numbers, b->groups().numbers);
            EXPECT_EQ(a->groups().text, b->groups().text);
            EXPECT_EQ(a->groups().ends, b->groups().ends);
            EXPECT_EQ(a->groups().starts, b->groups().starts);
            EXPECT_EQ(rows_of(*a), rows_of(*b));
        }
}

TEST(Groups, SparseKeysAreCutToWhatTellsThemApart) {
    Groups groups(4, 256, true);
    std::vector<std::string> texts;
    for (int i = 0; i < 40; ++i)
        texts.push_back("a long beginning " + std::to_string(10 + i) + std::string(20, 'z'));
    for (const std::string& text : texts) groups.add({0, text, 0, 0}, true);
    groups.finish();
    EXPECT_FALSE(groups.exact());
    EXPECT_EQ(groups.starts, (std::vector<uint32_t>{0, 16, 32, 40}));
    const std::string kept(groups.text.begin(), groups.text.end());
    EXPECT_EQ(kept, texts[0] + "a long beginning 26" + "a long beginning 42");
}

}  // namespace
}  // namespace asteroid
