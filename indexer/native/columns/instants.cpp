#include "columns/instants.hpp"

#include "json/reader.hpp"

namespace asteroid {
namespace {

constexpr int DAY_S = 86'400;

// Two digits at a place, or −1.
int two(const std::string& text, size_t at) {
    if (at + 2 > text.size() || !is_digit(text[at]) || !is_digit(text[at + 1])) return -1;
    return 10 * (text[at] - '0') + (text[at + 1] - '0');
}

bool is_leap(int year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

int days_in(int year, int month) {
    constexpr int DAYS[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return DAYS[month - 1] + (month == 2 && is_leap(year));
}

// The number of a day, 1 for 0001-01-01 of the proleptic Gregorian calendar.
long day_number(int year, int month, int day) {
    const long before = year - 1;  // −1 for the year 0, whose 366 days come before day 1
    long days = year == 0 ? -366 : before * 365 + before / 4 - before / 100 + before / 400;
    for (int m = 1; m < month; ++m) days += days_in(year, m);
    return days + day;
}

}  // namespace

bool moment_of(const std::string& text, Moment& moment) {
    constexpr size_t DATE = 10, TIME = 19;  // 2026-01-01, 2026-01-01T00:00:00
    if (text.size() < DATE || text[4] != '-' || text[7] != '-') return false;
    const int century = two(text, 0), years = two(text, 2), month = two(text, 5), day = two(text, 8);
    if (century < 0 || years < 0 || month < 1 || month > 12 || day < 1) return false;
    const int year = 100 * century + years;
    if (day > days_in(year, month)) return false;
    long total = day_number(year, month, day) * DAY_S;
    moment = {double(total), false, true};
    if (text.size() == DATE) return true;
    if (text.size() < TIME || text[13] != ':' || text[16] != ':') return false;
    if (text[10] != 'T' && text[10] != 't') return false;
    const int hour = two(text, 11), minute = two(text, 14), seconds = two(text, 17);
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || seconds < 0 || seconds > 60) return false;
    total += hour * 3600L + minute * 60L + seconds - seconds / 60;
    bool has_fraction = false;
    size_t at = TIME;
    if (at < text.size() && text[at] == '.') {
        const size_t first = ++at;
        for (; at < text.size() && is_digit(text[at]); ++at) has_fraction |= text[at] != '0';
        if (at == first) return false;
    }
    const bool has_offset = at < text.size();
    const char zone = has_offset ? text[at++] : 'Z';
    if (zone == '+' || zone == '-') {
        const int hours = two(text, at), minutes = two(text, at + 3);
        if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59 || text[at + 2] != ':') return false;
        const long ahead = hours * 3600L + minutes * 60L;
        total += zone == '-' ? ahead : -ahead;
        at += 5;
    } else if (zone != 'Z' && zone != 'z') {
        return false;
    }
    if (at != text.size()) return false;
    const long of_day = (total % DAY_S + DAY_S) % DAY_S;
    if (seconds == 60 && of_day != DAY_S - 1) return false;
    moment = {double(total), has_offset, !has_fraction && seconds != 60};
    return true;
}

}  // namespace asteroid
