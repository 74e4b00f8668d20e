#include "audit/catalogue.hpp"
#include "audit/rules.hpp"
#include "audit/wording.hpp"
#include "policy/listed.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <sys/stat.h>

namespace roachpin::audit {
namespace {

using settings::key_of;
using settings::line_of;
using std::chrono::system_clock;

constexpr unsigned narrow_v4 = 16;
constexpr unsigned narrow_v6 = 48;

/// No cluster needs so many roots: somebody has named a bundle of everybody's.
constexpr std::size_t many_anchors = 32;

class configuration_rules {
public:
    configuration_rules(const observations& seen, system_clock::time_point now)
        : from_(seen.configuration), machine_(seen.machine), now_(now) {}

    std::vector<finding> judge() {
        judge_anchors();
        judge_last_anchor();
        judge_certificates();
        judge_files();
        for (const auto& node : from_.cluster.nodes) {
            judge_node(node);
        }
        judge_servers();
        judge_lock();
        judge_libraries();
        return std::move(found_);
    }

private:
    void note(std::string_view id, std::string subject, std::size_t line, std::string evidence,
              std::optional<severity> level = std::nullopt) {
        found_.push_back(
            make_finding(id, "", std::move(subject), line, std::move(evidence), level));
    }

    void note(std::string_view id, const settings::node& node, std::string subject,
              std::string evidence) {
        found_.push_back(make_finding(id, node.host.text(), std::move(subject), line_of(node.where),
                                      std::move(evidence)));
    }

    void judge_anchors() {
        const auto& file = from_.cluster.ca;
        std::string names;
        for (const auto& one : machine_.anchors) {
            if (one.is_public) {
                names += (names.empty() ? "" : "; ") + one.subject;
            }
        }
        const auto number = std::to_string(machine_.anchors.size());
        if (machine_.anchors.size() > many_anchors) {
            note("CFG-CA-PUBLIC", "cluster.ca_file", line_of(file.where),
                 file.path.string() + " holds " + number +
                     " certificates: whoever gets one from any of them is trusted");
        } else if (!names.empty()) {
            note("CFG-CA-PUBLIC", "cluster.ca_file", line_of(file.where),
                 file.path.string() + " holds authorities that every system trusts: " + names);
        }
    }

    /// One root that lasts is enough: the others are on their way out.
    void judge_last_anchor() {
        const auto& anchors = machine_.anchors;
        const auto last =
            std::max_element(anchors.begin(), anchors.end(), [](const auto& a, const auto& b) {
                return a.not_after < b.not_after;
            });
        if (last != anchors.end()) {
            judge_ending(from_.cluster.ca.where, last->subject, last->not_after);
        }
    }

    void judge_certificates() {
        for (const auto& one : machine_.certificates) {
            judge_ending(one.where, one.subject, one.not_after);
        }
    }

    void judge_ending(const std::string& where, const std::string& subject,
                      system_clock::time_point ends) {
        if (ends - now_ < soon) {
            note("TLS-CERT-EXPIRING", key_of(where), line_of(where),
                 subject + " " + ending(ends, now_), level_of_ending(ends, now_));
        }
    }

    /// Who may open a key's file itself was judged when the configuration was read.
    void judge_files() {
        for (const auto& one : machine_.files) {
            const auto weakness = weakness_of(one);
            if (!weakness.empty()) {
                note("CFG-KEY-PERMISSIONS", key_of(one.where), line_of(one.where),
                     one.path.string() +
                         (one.is_key ? " holds a private key, and " : " says whom to trust, and ") +
                         weakness);
            }
        }
    }

    std::string weakness_of(const guarded_file& one) const {
        if (is_open_to_others(one.file)) {
            return "others may write to it";
        }
        // Where the sticky bit is set, only its owner may replace a file.
        if (is_open_to_others(one.folder) && (one.folder.mode & S_ISVTX) == 0) {
            return "others may put another in its place: they may write to its folder";
        }
        return "";
    }

    /// A group of the owner's own has, by custom, the owner's number: nobody else is in it.
    bool is_open_to_others(const access& to) const {
        const bool is_private =
            to.group == to.owner || to.group == 0 || to.group == machine_.process_group;
        return (to.mode & S_IWOTH) != 0 || ((to.mode & S_IWGRP) != 0 && !is_private);
    }

    void judge_node(const settings::node& node) {
        const auto& host = node.host;
        const bool is_local = host.ip() ? host.ip()->is_loopback()
                                        : host.text() == "localhost" ||
                                              host.text().ends_with(".localhost") ||
                                              host.text() == "localhost.localdomain";
        if (is_local) {
            note("CFG-VERIFIES-LOCALHOST", node, "",
                 "nearly every node's certificate carries " + host.text() +
                     ": it does not tell one machine from another");
        }
        if (const auto* by_name = std::get_if<settings::resolved>(&node.found)) {
            judge_allowlist(node, *by_name);
            judge_name(node);
        } else {
            judge_own(node, std::get<settings::pinned>(node.found));
        }
    }

    void judge_allowlist(const settings::node& node, const settings::resolved& rules) {
        for (const auto& network : rules.allow) {
            const auto narrow = network.network().is_v4() ? narrow_v4 : narrow_v6;
            if (network.prefix() < narrow) {
                note("CFG-ALLOWLIST-WIDE", node, network.to_string(),
                     "allow has " + network.to_string() + ", which is wider than /" +
                         std::to_string(narrow));
            }
        }
    }

    /// Names that only a search domain makes whole, which roachpin never has: one label, or a
    /// Kubernetes service up to its "svc".
    void judge_name(const settings::node& node) {
        const auto& text = node.host.text();
        if (text.find('.') == std::string::npos || text.ends_with(".svc")) {
            note("CFG-NAME-NOT-FQDN", node, "",
                 text + " is asked for as it is: roachpin has no search domains");
        }
    }

    /// Only exact matches were errors of the configuration: here are all of this machine's own
    /// addresses, where a listener is bound to every one.
    void judge_own(const settings::node& node, const settings::pinned& places) {
        for (const auto& address : places.addresses) {
            const core::endpoint where{address, node.port};
            const auto& own = machine_.own_endpoints;
            if (std::find(own.begin(), own.end(), where) != own.end()) {
                note("CFG-SELF-ADDRESS", node, where.to_string(),
                     where.to_string() + " is roachpin's own listener, which would connect to "
                                         "itself");
            }
        }
    }

    /// Where answers are validated here they prove themselves, whichever way they came.
    void judge_servers() {
        const auto& resolver = from_.resolver;
        const auto& nodes = from_.cluster.nodes;
        const bool are_asked = std::any_of(nodes.begin(), nodes.end(), [](const auto& node) {
            return std::holds_alternative<settings::resolved>(node.found);
        });
        if (!are_asked || resolver.dnssec == policy::dnssec_mode::validate) {
            return;
        }
        for (const auto& server : resolver.servers) {
            if (server.transport != settings::dns_transport::tls &&
                !server.where.address.is_loopback()) {
                note("DNS-RESOLVER-INSECURE", server.text, 1,
                     server.text + " is asked in clear, over a network: whoever is on the way may "
                                   "answer in its place");
            }
        }
    }

    void judge_lock() {
        const auto& file = from_.lock.file;
        if (!file) {
            note("CFG-LOCK-MISSING", "lock.file", 1, "lock.file is not set");
        } else if (!machine_.lock_review_by) {
            note("CFG-LOCK-MISSING", "lock.file", line_of(file->where),
                 file->path.string() + " is not there yet, and roachpin run does not start "
                                       "without it",
                 severity::high);
        } else if (std::chrono::sys_days(*machine_.lock_review_by) + std::chrono::days(1) <= now_) {
            note("CFG-LOCK-EXPIRED", "lock.file", line_of(file->where),
                 file->path.string() + " was to be reviewed by " +
                     day_of(*machine_.lock_review_by));
        }
    }

    void judge_libraries() {
        for (const auto& one : machine_.libraries) {
            if (one.name == "c-ares" && is_vulnerable_c_ares(one.version)) {
                note("CFG-LIB-VULNERABLE", one.name, 1,
                     "c-ares " + one.version +
                         " is loaded, which an answer can crash (CVE-2025-31498, CVE-2025-62408, "
                         "CVE-2026-33630)");
            }
        }
    }

    const settings::configuration& from_;
    const machine_facts& machine_;
    system_clock::time_point now_;
    std::vector<finding> found_;
};

/// "1.34.5" → {1, 34, 5}; what is no number ends it.
std::array<int, 3> numbers_of(const std::string& version) {
    std::array<int, 3> numbers{};
    const auto* at = version.data();
    const auto* const end = at + version.size();
    for (auto& number : numbers) {
        const auto read = std::from_chars(at, end, number);
        if (read.ec != std::errc() || read.ptr == end || *read.ptr != '.') {
            break;
        }
        at = read.ptr + 1;
    }
    return numbers;
}

} // namespace

std::vector<finding> judge_configuration(const observations& seen, system_clock::time_point now) {
    return configuration_rules(seen, now).judge();
}

/// Use after free in read_answers and in completion: from 1.32.3 to before 1.34.7.
bool is_vulnerable_c_ares(const std::string& version) {
    constexpr std::array first{1, 32, 3};
    constexpr std::array mended{1, 34, 7};
    const auto numbers = numbers_of(version);
    return numbers >= first && numbers < mended;
}

} // namespace roachpin::audit
