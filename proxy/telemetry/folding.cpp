#include "telemetry/folding.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace roachpin::telemetry {
namespace {

/// In what lines of one kind may differ.
constexpr std::array<std::string_view, 6> of_the_client{
    "connection", "client", "user", "database", "application_name", "seconds"};

struct as_key {
    std::string operator()(const std::string& text) const { return text; }

    template <class Number>
    std::string operator()(Number number) const {
        return std::to_string(number);
    }
};

} // namespace

/// Values are printable, so that a control character may part them.
std::string kind_of(const event_line& line) {
    std::string kind(line.name);
    for (const auto& [name, value] : line.fields) {
        if (std::find(of_the_client.begin(), of_the_client.end(), name) == of_the_client.end()) {
            kind.append("\n").append(name).append("\t").append(std::visit(as_key{}, value));
        }
    }
    return kind;
}

bool folding::is_news(core::event_id id, const event_line& line, core::time_point now) {
    if (!line.may_be_folded) {
        return true;
    }
    std::erase_if(kinds_,
                  [&](const auto& one) { return one.second.held == 0 && one.second.until <= now; });
    const auto key = kind_of(line);
    const auto known = kinds_.find(key);
    if (known != kinds_.end()) {
        ++known->second.held;
        known->second.last = {id, line};
        return false;
    }
    if (kinds_.size() < most_kinds) {
        kinds_[key].until = now + window_;
    }
    return true;
}

std::vector<folding::numbered_line> folding::take_due(core::time_point now) {
    std::vector<numbered_line> due;
    for (auto& [key, one] : kinds_) {
        if (one.held > 0 && one.until <= now) {
            auto line = std::move(one.last);
            line.second.fields.emplace_back("repeated", std::uint64_t{one.held});
            due.push_back(std::move(line));
            one = {now + std::min<core::clock::duration>(window_, core::time_point::max() - now)};
        }
    }
    return due;
}

core::time_point folding::next_due() const {
    auto next = core::time_point::max();
    for (const auto& [key, one] : kinds_) {
        if (one.held > 0) {
            next = std::min(next, one.until);
        }
    }
    return next;
}

} // namespace roachpin::telemetry
