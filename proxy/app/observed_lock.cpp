#include "app/observed_lock.hpp"

#include <algorithm>
#include <set>

namespace roachpin::app {
namespace {

using settings::locked_host;

/// A season: long enough to be no chore, short enough that nobody forgets what the file is for.
constexpr std::chrono::days until_review{90};

std::chrono::year_month_day day_of(std::chrono::system_clock::time_point time) {
    return std::chrono::floor<std::chrono::days>(time);
}

template <class T>
void make_set(std::vector<T>& values) {
    std::sort(values.begin(), values.end());
    values.erase(std::unique(values.begin(), values.end()), values.end());
}

std::string chain_text(const std::vector<core::dns_name>& chain) {
    std::string text;
    for (const auto& name : chain) {
        text += (text.empty() ? "" : " -> ") + name.text();
    }
    return text.empty() ? "no alias" : text;
}

void add(locked_host& host, const observed_peer& peer) {
    const auto& facts = peer.facts;
    host.addresses.push_back(peer.address);
    host.leaf_spki.push_back(facts.leaf_key);
    if (!facts.issuer_keys.empty()) {
        host.issuer_spki.push_back(facts.issuer_keys.front()); // who signed the leaf
    }
    const auto ends = day_of(facts.not_after);
    host.not_after = host.not_after ? std::min(*host.not_after, ends) : ends;
}

/// The chain that all answers have; a sentence where they differ.
core::result<std::vector<core::dns_name>>
chain_of(const core::host_name& host, const std::set<std::vector<core::dns_name>>& chains) {
    if (chains.size() <= 1) {
        return chains.empty() ? std::vector<core::dns_name>() : *chains.begin();
    }
    std::string all;
    for (const auto& chain : chains) {
        all += (all.empty() ? "" : "; ") + chain_text(chain);
    }
    return core::error{host.text() + ": the answers have different aliases (" + all +
                       "), and a lock holds one chain; have the servers agree"};
}

} // namespace

observed_lock to_lock(const std::vector<observed_node>& seen, const settings::lock_file& old,
                      std::chrono::system_clock::time_point now) {
    const auto today = std::chrono::floor<std::chrono::days>(now);
    settings::lock_file made{today, today + until_review, {}};
    std::map<core::host_name, std::set<std::vector<core::dns_name>>> chains;
    for (const auto& node : seen) {
        chains[node.host].insert(node.chains.begin(), node.chains.end());
        for (const auto& peer : node.peers) {
            add(made.hosts[node.host], peer);
        }
    }
    std::vector<std::string> problems;
    for (auto& [name, host] : made.hosts) {
        make_set(host.addresses);
        make_set(host.issuer_spki);
        make_set(host.leaf_spki);
        if (const auto before = old.hosts.find(name); before != old.hosts.end()) {
            host.next_spki = before->second.next_spki;
        }
        if (auto chain = chain_of(name, chains[name])) {
            host.chain = std::move(*chain);
        } else {
            problems.push_back(chain.error().sentence);
        }
    }
    if (!problems.empty()) {
        return problems;
    }
    return made;
}

} // namespace roachpin::app
