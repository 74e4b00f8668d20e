#include "core/dns_name.hpp"

#include "core/printable.hpp"

#include <algorithm>

namespace roachpin::core {
namespace {

/// RFC 1035 section 2.3.4: 255 octets on the wire, where a name has one octet more at its front
/// than its text (the first label's length) and one more at its end (the root's).
constexpr std::size_t max_text = 255 - 2;
constexpr std::size_t max_label = 63;

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// The DNS itself lets a label hold any octet and leaves it to the application to check (RFC 2181
/// section 11). A dot would be two labels where the wire had one; a quote, a backslash and what is
/// not printed would let a zone's owner forge log lines and reports.
bool is_plain(char c) {
    return c > ' ' && c <= '~' && c != '.' && c != '"' && c != '\\';
}

/// What keeps a label from being one; empty where nothing does.
std::string_view label_fault(std::string_view label) {
    if (label.empty()) {
        return "it has an empty label";
    }
    if (label.size() > max_label) {
        return "it has a label of more than 63 octets";
    }
    if (!std::all_of(label.begin(), label.end(), is_plain)) {
        return "it holds a space, a quote, a backslash or an octet that is not printable ASCII";
    }
    return {};
}

/// The same for a name that is not the root.
std::string_view name_fault(std::string_view name) {
    if (name.size() > max_text) {
        return "it is longer than 253 octets";
    }
    while (true) {
        const auto dot = name.find('.');
        const auto fault = label_fault(name.substr(0, dot));
        if (!fault.empty() || dot == std::string_view::npos) {
            return fault;
        }
        name.remove_prefix(dot + 1);
    }
}

} // namespace

result<dns_name> dns_name::parse(std::string_view text) {
    std::string name(text.ends_with('.') ? text.substr(0, text.size() - 1) : text);
    if (name.empty()) {
        return dns_name({});
    }
    if (const auto fault = name_fault(name); !fault.empty()) {
        return error{"\"" + printable(text) + "\" is no DNS name: " + std::string(fault)};
    }
    std::transform(name.begin(), name.end(), name.begin(), lower);
    return dns_name(std::move(name));
}

bool dns_name::is_within(const dns_name& suffix) const {
    const std::string_view below = suffix.text_;
    if (below.empty() || text_ == below) {
        return true;
    }
    return text_.size() > below.size() && text_.ends_with(below) &&
           text_[text_.size() - below.size() - 1] == '.';
}

dns_name dns_name::parent() const {
    const auto dot = text_.find('.');
    return dns_name(dot == std::string::npos ? std::string() : text_.substr(dot + 1));
}

} // namespace roachpin::core
