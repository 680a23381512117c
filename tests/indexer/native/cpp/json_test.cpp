// The JSON reader: what it takes, what it refuses, and where.
#include "json/reader.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "json/numbers.hpp"

namespace asteroid {
namespace {

// The text of the one value that `text` holds; nothing if it is refused.
std::string value_of(const std::string& text) {
    JsonReader in(text.data(), text.size());
    try {
        in.next();
        const std::string value(in.value(8));
        in.expect_end();
        return value;
    } catch (const JsonError&) {
        return "";
    }
}

TEST(JsonReader, TakesEveryKindOfValue) {
    for (const char* text : {"1", "-0.5e+3", "true", "false", "null", "\"\"", "[]", "{}", "[1,[2,{}]]",
                             R"({"a":{"b":[1,"x",null]},"c":""})", "[ 1 , 2 ]", R"("\u00e4\ud83d\ude00\n")"})
        EXPECT_EQ(value_of(text), text);
    EXPECT_EQ(value_of(" \t\r\n[1] "), "[1]");
}

TEST(JsonReader, RefusesWhatIsNotJson) {
    for (const char* text :
         {"", "01", "1.", ".5", "+1", "1e", "--1", "tru", "nul", "NaN", "[1,]", "[1", "{\"a\"}", "{\"a\":}",
          "{1:2}", "\"", "\"\\x\"", "\"\\u12g4\"", "\"\\ud800\"", "\"\\udc00\"", "\"\x01\"", "\"\xff\"",
          "\"\xc0\xaf\"", "1 2", "[1 2]", "{\"a\":1,}", "[}", "1e999", "[[[[[[[[[1]]]]]]]]]"})
        EXPECT_EQ(value_of(text), "") << text;
}

TEST(JsonReader, SeesASpecialByteAtEachPlaceOfAString) {
    for (size_t length = 1; length < 40; ++length)
        for (size_t place = 0; place < length; ++place)
            for (const char special : {'"', '\\', '\x1f', '\0', '\xff'}) {
                std::string text = "\"" + std::string(length, '~') + "\"";
                text[1 + place] = special;
                const std::string got = value_of(text);
                ASSERT_EQ(got, "") << "a byte " << int(special) << " at " << place << " of " << length;
            }
}

TEST(JsonReader, EscapesAreUndone) {
    EXPECT_EQ(unescape(R"(a\"\\\/\b\f\n\r\t)"), "a\"\\/\b\f\n\r\t");
    EXPECT_EQ(unescape(R"(\u0041\u00e4\u20ac\ud83d\ude00)"), "A\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80");
    std::string kept = "longer than what comes";
    unescape("x", kept);
    EXPECT_EQ(kept, "x");
}

TEST(JsonReader, SaysWhere) {
    const std::string text = R"({"a": tru})";
    JsonReader in(text.data(), text.size());
    in.next();
    try {
        in.value(8);
        FAIL();
    } catch (const JsonError& error) {
        EXPECT_NE(error.message.find("byte 6"), std::string::npos) << error.message;
    }
}

TEST(JsonReader, NeverReadsBeyondTheEnd) {
    const std::string whole = R"({"key":["text äöü €",-12.5e-3,true,null,{"a":"\u00e4\ud83d\ude00"}]})";
    for (size_t size = 0; size < whole.size(); ++size) {
        const std::vector<char> exact(whole.begin(), whole.begin() + ptrdiff_t(size));
        JsonReader in(exact.data(), exact.size());
        EXPECT_THROW({ in.next(); in.value(8); }, JsonError);
    }
}

TEST(Numbers, AreTheNearest) {
    EXPECT_EQ(nearest_double("0.1"), 0.1);
    EXPECT_FALSE(std::signbit(nearest_double("-0")));
    EXPECT_EQ(nearest_double("1e999"), std::numeric_limits<double>::infinity());
    EXPECT_EQ(nearest_double("-1e999"), -std::numeric_limits<double>::infinity());
    EXPECT_EQ(nearest_double("1e-999"), 0);
    EXPECT_EQ(float32_of("3.4028235e38"), std::numeric_limits<float>::max());
    EXPECT_FALSE(float32_of("3.4028236e38"));
    EXPECT_EQ(id_of("18446744073709551615"), std::numeric_limits<uint64_t>::max());
    for (const char* bad : {"", "01", "-1", "18446744073709551616", "1.0", "x"}) EXPECT_FALSE(id_of(bad));
}

}  // namespace
}  // namespace asteroid
