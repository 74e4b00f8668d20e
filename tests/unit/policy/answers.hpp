#pragma once

#include "policy/answer_rules.hpp"

#include <string>
#include <vector>

/// Answers and rules for tests, written as people write them.
namespace roachpin::answers {

using texts = std::vector<std::string>;

inline core::ip_address address(const std::string& text) {
    return core::ip_address::parse(text).value();
}

/// "10.1.0.1" or "fd00::1" at port 26257, or "10.1.0.1:5432".
inline core::endpoint at(const std::string& text) {
    if (const auto bare = core::ip_address::parse(text)) {
        return {*bare, 26257};
    }
    return core::endpoint::parse(text).value();
}

inline std::vector<core::endpoint> all_at(const texts& all) {
    std::vector<core::endpoint> parsed;
    for (const auto& text : all) {
        parsed.push_back(at(text));
    }
    return parsed;
}

inline std::vector<core::ip_address> addresses(const texts& all) {
    std::vector<core::ip_address> parsed;
    for (const auto& text : all) {
        parsed.push_back(address(text));
    }
    return parsed;
}

inline std::vector<core::cidr> networks(const texts& all) {
    std::vector<core::cidr> parsed;
    for (const auto& text : all) {
        parsed.push_back(core::cidr::parse(text).value());
    }
    return parsed;
}

inline std::vector<core::dns_name> names(const texts& all) {
    std::vector<core::dns_name> parsed;
    for (const auto& text : all) {
        parsed.push_back(core::dns_name::parse(text).value());
    }
    return parsed;
}

/// The addresses as they are written above.
inline texts written(const std::vector<core::endpoint>& endpoints) {
    texts all;
    for (const auto& where : endpoints) {
        all.push_back(where.port == 26257 ? where.address.to_string() : where.to_string());
    }
    return all;
}

} // namespace roachpin::answers
