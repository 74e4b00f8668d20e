#include "settings/lock_file.hpp"

#include "settings/files.hpp"
#include "settings/mapping.hpp"
#include "settings/reader.hpp"
#include "settings/values.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace roachpin::settings {
namespace {

constexpr std::string_view version = "1";

core::result<bool> parse_version(std::string_view text) {
    if (text == version) {
        return true;
    }
    return core::error{
        "\"" + std::string(text) +
        "\" is a version that this roachpin does not read, which writes version " +
        std::string(version) +
        "; use the roachpin that wrote the file, or write it anew with roachpin pin"};
}

/// A list that is not there could be a fact that somebody lost in a merge: it is not taken for an
/// empty one, which would demand less.
void demand(mapping& in, std::string_view key) {
    if (!in.is_present(key)) {
        in.complain(key, "is missing; write [] where nothing was seen, or the file anew with "
                         "roachpin pin");
    }
}

template <class T, class Parser>
std::vector<T> read_set(mapping& in, std::string_view key, const Parser& parse) {
    demand(in, key);
    std::set<T> values;
    std::vector<T> in_order;
    in.list(key, in_order, [&](const scalar& value) -> core::result<T> {
        auto parsed = parse(value.text);
        if (parsed && !values.insert(*parsed).second) {
            return core::error{value.text + " is in this list already; keep one"};
        }
        return parsed;
    });
    return {values.begin(), values.end()};
}

locked_host read_host(mapping& in) {
    using core::spki_pin;
    locked_host read;
    demand(in, "chain");
    in.list("chain", read.chain, core::dns_name::parse);
    read.addresses = read_set<core::ip_address>(in, "addresses", core::ip_address::parse);
    read.issuer_spki = read_set<spki_pin>(in, "issuer_spki", spki_pin::parse);
    read.leaf_spki = read_set<spki_pin>(in, "leaf_spki", spki_pin::parse);
    read.next_spki = read_set<spki_pin>(in, "next_spki", spki_pin::parse);
    read.not_after = in.optional("not_after", parse_date);
    return read;
}

/// "CRDB.internal" and "crdb.internal" are two keys and one host.
void read_hosts(mapping& in, std::map<core::host_name, locked_host>& hosts) {
    for (const auto& key : in.keys()) {
        locked_host read;
        in.required_section(key, [&](mapping& inner) { read = read_host(inner); });
        const auto host = core::host_name::parse(key);
        if (!host) {
            in.complain(key, host.error().sentence);
        } else if (!hosts.emplace(*host, std::move(read)).second) {
            in.complain(key, host->text() + " is there already, in another spelling; keep one");
        }
    }
}

lock_file read_lock_file(mapping& in) {
    const std::chrono::year_month_day unknown{};
    lock_file read;
    read.reviewed = in.required("reviewed", parse_date).value_or(unknown);
    read.review_by = in.required("review_by", parse_date).value_or(unknown);
    if (read.reviewed.ok() && read.review_by.ok() && read.review_by < read.reviewed) {
        in.complain("review_by", "is before the day of the review (reviewed); write a later one");
    }
    in.required_section("hosts", [&](mapping& inner) { read_hosts(inner, read.hosts); });
    in.finish();
    return read;
}

/// Whether YAML of every version takes `text` for text. A letter first and a dot inside rule out
/// numbers, days, `null` and `no`; what else a name in the DNS may hold is kept out by its
/// characters. An IPv4 address is none of those things either.
bool is_plain(std::string_view text) {
    const auto is_letter = [](char c) {
        return c >= 'a' && c <= 'z';
    };
    const auto is_name_character = [&](char c) {
        return is_letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
    };
    const bool is_v4 = text.find_first_not_of("0123456789.") == std::string_view::npos &&
                       std::count(text.begin(), text.end(), '.') == 3;
    return is_v4 || (!text.empty() && is_letter(text.front()) && text.back() != '.' &&
                     text.find('.') != std::string_view::npos &&
                     std::all_of(text.begin(), text.end(), is_name_character));
}

/// Neither a name nor an address holds a quote, a backslash or a control character.
std::string scalar_text(const std::string& text) {
    return is_plain(text) ? text : "\"" + text + "\"";
}

using lines = std::vector<std::string>;

lines texts_of(const std::vector<core::dns_name>& chain) {
    lines texts;
    for (const auto& name : chain) {
        texts.push_back(scalar_text(name.text()));
    }
    return texts;
}

lines texts_of(const std::vector<core::ip_address>& addresses) {
    lines texts;
    for (const auto& address : std::set(addresses.begin(), addresses.end())) {
        texts.push_back(scalar_text(address.to_string()));
    }
    return texts;
}

lines texts_of(const std::vector<core::spki_pin>& pins) {
    lines texts;
    for (const auto& pin : std::set(pins.begin(), pins.end())) {
        texts.push_back(pin.to_base64()); // plain, as in the configuration
    }
    return texts;
}

std::string list_text(std::string_view key, const lines& items) {
    auto text = "    " + std::string(key) + ":" + (items.empty() ? " []\n" : "\n");
    for (const auto& item : items) {
        text += "      - " + item + "\n";
    }
    return text;
}

std::string host_text(const core::host_name& name, const locked_host& host) {
    return "  " + scalar_text(name.text()) + ":\n" + list_text("chain", texts_of(host.chain)) +
           list_text("addresses", texts_of(host.addresses)) +
           list_text("issuer_spki", texts_of(host.issuer_spki)) +
           list_text("leaf_spki", texts_of(host.leaf_spki)) +
           list_text("next_spki", texts_of(host.next_spki)) +
           "    not_after: " + (host.not_after ? to_text(*host.not_after) : "~") + "\n";
}

} // namespace

lock_result parse_lock(const std::string& text, const std::filesystem::path& file_name) {
    const auto document =
        read_yaml(text, file_name.string(), "lock_version, reviewed, review_by and hosts");
    if (!document) {
        return std::vector<problem>{document.error()};
    }
    reading pass{file_name.string(), {}, {}, {}};
    mapping root(pass, *document);
    lock_file read;
    // What another version means by its keys is not known, so nothing else is said of it.
    if (pass.problems.empty() && root.required("lock_version", parse_version)) {
        read = read_lock_file(root);
    }
    if (!pass.problems.empty()) {
        sort_by_line(pass.problems);
        return std::move(pass.problems);
    }
    return read;
}

lock_result load_lock(const std::filesystem::path& path) {
    const auto text = contents_of(path);
    if (!text) {
        return std::vector<problem>{{{path.string(), 0, ""}, text.error().sentence}};
    }
    return parse_lock(*text, path);
}

std::string to_text(const lock_file& lock) {
    auto text = "lock_version: " + std::string(version) + "\nreviewed: " + to_text(lock.reviewed) +
                "\nreview_by: " + to_text(lock.review_by) +
                (lock.hosts.empty() ? "\nhosts: {}\n" : "\nhosts:\n");
    for (const auto& [name, host] : lock.hosts) {
        text += host_text(name, host);
    }
    return text;
}

} // namespace roachpin::settings
