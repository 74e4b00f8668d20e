#include "settings/lock_file.hpp"
#include "settings/values.hpp"

#include <algorithm>
#include <iterator>
#include <set>

namespace roachpin::settings {
namespace {

/// "addresses: ", and the fact; "" before "host", which says that the host is there at all.
struct fact {
    std::string field;
    std::string text;

    friend auto operator<=>(const fact&, const fact&) = default;
};

using facts = std::set<fact>;

/// A chain is one fact, because its order is: no name has a blank, so that this is read one way.
std::string chain_text(const std::vector<core::dns_name>& chain) {
    std::string text;
    for (const auto& name : chain) {
        text += (text.empty() ? "" : " -> ") + name.text();
    }
    return text;
}

void add_pins(facts& all, const std::string& field, const std::vector<core::spki_pin>& pins) {
    for (const auto& pin : pins) {
        all.insert({field, pin.to_base64()});
    }
}

facts facts_of(const locked_host& host) {
    facts all{{"", "host"}};
    if (!host.chain.empty()) {
        all.insert({"chain: ", chain_text(host.chain)});
    }
    for (const auto& address : host.addresses) {
        all.insert({"addresses: ", address.to_string()});
    }
    add_pins(all, "issuer_spki: ", host.issuer_spki);
    add_pins(all, "leaf_spki: ", host.leaf_spki);
    add_pins(all, "next_spki: ", host.next_spki);
    if (host.not_after) {
        all.insert({"not_after: ", to_text(*host.not_after)});
    }
    return all;
}

facts facts_of(const lock_file& lock, const core::host_name& host) {
    const auto found = lock.hosts.find(host);
    return found == lock.hosts.end() ? facts{} : facts_of(found->second);
}

void add_lines(std::vector<std::string>& lines, const std::string& host, const facts& here,
               const facts& there, char sign) {
    facts only_here;
    std::set_difference(here.begin(), here.end(), there.begin(), there.end(),
                        std::inserter(only_here, only_here.end()));
    for (const auto& [field, text] : only_here) {
        lines.push_back(host);
        lines.back().append(": ").append(field).append(1, sign).append(text);
    }
}

} // namespace

std::vector<std::string> differences(const lock_file& locked, const lock_file& now) {
    std::set<core::host_name> hosts;
    for (const auto* lock : {&locked, &now}) {
        for (const auto& [name, host] : lock->hosts) {
            hosts.insert(name);
        }
    }
    std::vector<std::string> lines;
    for (const auto& host : hosts) {
        const auto before = facts_of(locked, host);
        const auto after = facts_of(now, host);
        add_lines(lines, host.text(), before, after, '-');
        add_lines(lines, host.text(), after, before, '+');
    }
    std::sort(lines.begin(), lines.end());
    return lines;
}

} // namespace roachpin::settings
