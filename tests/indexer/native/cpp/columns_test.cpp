// Payloads taken apart into columns.
#include "columns/columns.hpp"

#include <gtest/gtest.h>

#include <string>

namespace asteroid {
namespace {

constexpr size_t ALL = 1 << 20;

Shredder shredded(const std::vector<std::string>& payloads, size_t bytes_max = ALL) {
    Shredder shredder(64, 8, bytes_max);
    for (const std::string& text : payloads) shredder.add(text.data(), text.size());
    return shredder;
}

// The column of a member of the root.
ColumnName named(Shredder& shredder, const std::string& name, ColumnKind kind) {
    return {shredder.path_of(Shredder::ROOT, name, false), kind};
}

TEST(Shredder, SortsNumbersWithTheirRows) {
    Shredder shredder = shredded({R"({"n":3})", R"({"n":1})", "", R"({"n":3,"m":true})"});
    const Column column = shredder.column(named(shredder, "n", ColumnKind::number), 100);
    EXPECT_TRUE(column.exact);
    EXPECT_EQ(column.numbers, (std::vector<double>{1, 3}));
    EXPECT_EQ(column.rows, (std::vector<uint32_t>{1, 0, 3}));
    EXPECT_EQ(column.starts, (std::vector<uint32_t>{0, 1, 3}));
}

TEST(Shredder, KeysOfStringsAreUnescapedAndCut) {
    const std::string lengthy(100, 'z');
    Shredder shredder = shredded({R"({"s":"b\u0061"})", R"({"s":")" + lengthy + R"("})", R"({"s":"a"})"});
    const Column column = shredder.column(named(shredder, "s", ColumnKind::string), 100);
    const std::string text(column.text.begin(), column.text.end());
    EXPECT_EQ(text, "aba" + std::string(Shredder::KEY_BYTES, 'z'));
    EXPECT_EQ(column.rows, (std::vector<uint32_t>{2, 0, 1}));
}

TEST(Shredder, ManyKeysAreSparse) {
    std::vector<std::string> payloads;
    for (int i = 0; i < 100; ++i) payloads.push_back("{\"n\":" + std::to_string(i) + "}");
    Shredder shredder = shredded(payloads);
    const Column column = shredder.column(named(shredder, "n", ColumnKind::number), 10);
    EXPECT_FALSE(column.exact);
    EXPECT_EQ(column.numbers, (std::vector<double>{0, 16, 32, 48, 64, 80, 96}));
    EXPECT_EQ(column.starts.back(), 100u);
}

TEST(Shredder, WhatIsNotDescribedIsNoted) {
    const Shredder shredder =
        shredded({R"({"a":1})", R"({"a":1,"a":2})", "not JSON", R"({"a":"\xff"})", R"({"a":01})", "{}"});
    EXPECT_EQ(shredder.unindexed(), (std::vector<uint32_t>{1, 2, 3, 4}));
}

TEST(Shredder, AnyTextIsTaken) {
    const std::string whole = R"({"a":{"b":[1,"x",null,{"c":[]}]},"d":"2026-01-01T00:00:00Z"})";
    Shredder shredder(64, 8, ALL);
    for (size_t size = 0; size <= whole.size(); ++size)
        for (const char other : {'\0', '"', '{', ']', '\\', '9'}) {
            std::string text = whole.substr(0, size);
            if (size > 0) text[size / 2] = other;
            const std::vector<char> exact(text.begin(), text.end());
            shredder.add(exact.data(), exact.size());
        }
    for (const ColumnName& name : shredder.columns()) shredder.column(name, 4);
}

TEST(Shredder, TheLargestColumnIsDroppedForRoom) {
    std::vector<std::string> payloads;
    for (int i = 0; i < 200; ++i)
        payloads.push_back(R"({"small":1,"large":")" + std::string(30, char('a' + i % 26)) + R"("})");
    Shredder shredder = shredded(payloads, 8000);
    ASSERT_EQ(shredder.dropped().size(), 1u);
    EXPECT_EQ(shredder.dropped()[0].kind, ColumnKind::string);
    EXPECT_EQ(shredder.columns().size(), 1u);
}

}  // namespace
}  // namespace asteroid
