#pragma once

#include "core/dns_name.hpp"

#include <algorithm>
#include <cstddef>
#include <string>

namespace roachpin::policy {

inline std::string text_of(const core::dns_name& name) {
    return name.text().empty() ? "." : name.text();
}

template <class Address>
std::string text_of(const Address& address) {
    return address.to_string();
}

/// "a, b, c" for a sentence, cut where it would become a page; "none" where there are none.
template <class Things>
std::string listed(const Things& things) {
    constexpr std::size_t most = 8;
    if (things.empty()) {
        return "none";
    }
    std::string text;
    for (std::size_t i = 0; i < std::min(things.size(), most); ++i) {
        text += (i == 0 ? "" : ", ") + text_of(things[i]);
    }
    const auto left = things.size() - std::min(things.size(), most);
    return left == 0 ? text : text + " and " + std::to_string(left) + " more";
}

} // namespace roachpin::policy
