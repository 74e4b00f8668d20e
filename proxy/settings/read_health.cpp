#include "settings/read_health.hpp"

#include "settings/files.hpp"
#include "settings/values.hpp"

#include <algorithm>
#include <utility>

namespace roachpin::settings {
namespace {

/// A node that needs more tries than this for one decision is never decided on.
constexpr between<unsigned> tries{1, 100};

/// It goes into the first line of a request as it is (RFC 9112 section 3.2.1): a blank or a line
/// break in it would begin something else.
core::result<std::string> parse_request_path(std::string_view text) {
    constexpr std::size_t longest = 1024;
    if (text.size() > longest) {
        return core::error{"the path is longer than " + std::to_string(longest) +
                           " octets; shorten it"};
    }
    if (!text.starts_with('/')) {
        return core::error{"\"" + std::string(text) +
                           "\" is not a path of a web page; it begins with /, such as "
                           "/health?ready=1"};
    }
    if (!std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; })) {
        return core::error{"\"" + std::string(text) +
                           "\" holds what a request cannot carry; write printable ASCII without "
                           "blanks, and the rest percent-encoded, such as %20"};
    }
    return {boost::system::in_place_value, text};
}

/// Looked at whether enabled or not: who turns it on in a hurry has a file that works.
std::optional<health_http> read_http(mapping& in, const std::filesystem::path& base) {
    health_http read;
    bool enabled = false;
    in.value("enabled", enabled, parse_boolean);
    in.value("port", read.port, between<std::uint16_t>{1, 65535});
    in.value("path", read.path, parse_request_path);
    read.ca = in.optional("ca_file", readable_file{base});
    return enabled ? std::optional(std::move(read)) : std::nullopt;
}

void read_times(mapping& in, health& read) {
    const bool interval = in.value("interval", read.interval, parse_positive_duration);
    const bool timeout = in.value("timeout", read.timeout, parse_positive_duration);
    if (interval && timeout && read.timeout > read.interval) {
        in.complain(in.is_present("timeout") ? "timeout" : "interval",
                    "timeout (2s unless set) is longer than interval (5s unless set), so that a "
                    "probe would begin before the last one ends; set both, the shorter one as "
                    "timeout");
    }
}

} // namespace

health read_health(mapping& in, const std::filesystem::path& base) {
    health read;
    read_times(in, read);
    in.value("fall", read.fall, tries);
    in.value("rise", read.rise, tries);
    in.section("http", [&](mapping& http) { read.http = read_http(http, base); });
    return read;
}

} // namespace roachpin::settings
