#include "core/host_name.hpp"

#include <algorithm>

namespace roachpin::core {
namespace {

constexpr std::size_t max_name = 253;
constexpr std::size_t max_label = 63;

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool is_label_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

bool is_label(std::string_view label) {
    return !label.empty() && label.size() <= max_label && label.front() != '-' &&
           label.back() != '-' && std::all_of(label.begin(), label.end(), is_label_character);
}

bool is_all_labels(std::string_view name) {
    while (true) {
        const auto dot = name.find('.');
        if (!is_label(name.substr(0, dot))) {
            return false;
        }
        if (dot == std::string_view::npos) {
            return true;
        }
        name.remove_prefix(dot + 1);
    }
}

/// A last label of digits alone would make "10.1.2" or "1.2.3.400" a name: refused, because the
/// author meant an address (RFC 1123 section 2.1).
bool ends_in_number(std::string_view name) {
    const auto label = name.substr(name.rfind('.') + 1);
    return std::all_of(label.begin(), label.end(), [](char c) { return c >= '0' && c <= '9'; });
}

} // namespace

result<host_name> host_name::parse(std::string_view text) {
    if (auto ip = ip_address::parse(text)) {
        return host_name(ip->to_string(), *ip);
    }
    std::string name(text);
    std::transform(name.begin(), name.end(), name.begin(), lower);
    if (name.ends_with('.')) {
        name.pop_back();
    }
    if (name.size() > max_name || !is_all_labels(name) || ends_in_number(name)) {
        return error{"\"" + std::string(text) +
                     "\" is neither a DNS name nor an IP address; write the name the node's "
                     "certificate carries, such as crdb-0.crdb.internal"};
    }
    return host_name(std::move(name), std::nullopt);
}

} // namespace roachpin::core
