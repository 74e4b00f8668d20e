#include "app/assemble.hpp"

#include "app/own_endpoints.hpp"
#include "net/validator.hpp"
#include "settings/lock_file.hpp"
#include "tls/certificate.hpp"
#include "tls/local_certificate.hpp"

#include <set>

namespace roachpin::app {
namespace {

using settings::key_of;

/// Collects problems while it loads.
class assembler {
public:
    assembler(std::chrono::system_clock::time_point now, lock_use use, made_certificates known)
        : now_(now), use_(use), known_(std::move(known)) {}

    boost::system::result<parts, problems> put_together(const settings::configuration& from) {
        load_lock(from.lock);
        check_lock(from);
        auto upstream = make_upstream(from.cluster);
        std::vector<listener_parts> listeners;
        for (const auto& one : from.listeners) {
            listeners.push_back(make_listener(one));
        }
        check_exports(from);
        auto names = make_names(from);
        auto resolver = from.resolver.servers.empty() ? std::nullopt : make_resolver(from.resolver);
        const auto& http = from.health.http;
        // Without a file of its own it has the cluster's, of which all that is amiss was said.
        auto health =
            http && (http->ca || upstream) ? make_health(*http, from.cluster) : std::nullopt;
        if (!upstream || !problems_.empty()) {
            return std::move(problems_);
        }
        return parts{make_nodes(from.cluster),
                     std::move(names),
                     std::move(resolver),
                     std::make_shared<const tls::upstream_context>(std::move(*upstream)),
                     std::move(health),
                     std::move(listeners),
                     std::move(certificates_)};
    }

private:
    /// The value, or nothing and a problem reported at `where`.
    template <class T>
    std::optional<T> keep(core::result<T> loaded, const std::string& where) {
        if (loaded) {
            return std::move(*loaded);
        }
        problems_.push_back(where + ": " + loaded.error().sentence);
        return std::nullopt;
    }

    void keep(core::result<void> checked, const std::string& where) {
        if (!checked) {
            problems_.push_back(where + ": " + checked.error().sentence);
        }
    }

    /// The trust anchors in a file, which are noted.
    std::optional<std::vector<tls::x509_ptr>> load_anchors(const settings::file_path& file) {
        auto anchors = keep(tls::load_anchors(file.path.string()), file.where);
        if (anchors && noted_.insert(file.where).second) {
            for (const auto& one : *anchors) {
                note(*one, key_of(file.where));
            }
        }
        return anchors;
    }

    void note(const X509& certificate, std::string what) {
        certificates_.push_back({std::move(what),
                                 tls::subject_of(certificate) + tls::subject_key_of(certificate),
                                 tls::not_after_of(certificate)});
    }

    std::optional<tls::key_pair> load(const settings::certificate_files& files) {
        return keep(tls::load_key_pair(files.certificate.path.string(), files.key.path.string()),
                    files.certificate.where);
    }

    std::optional<tls::upstream_context> make_upstream(const settings::cluster& from) {
        tls::upstream_options options;
        options.pins = from.spki_sha256;
        options.revoked = from.revoked_spki_sha256;
        options.min_version = from.min_tls;
        if (auto anchors = load_anchors(from.ca)) {
            options.anchors = std::move(*anchors);
        }
        if (from.crl) {
            if (auto crls = keep(tls::load_crls(from.crl->path.string()), from.crl->where)) {
                for (const auto& one : *crls) {
                    if (const auto end = tls::next_update_of(*one)) {
                        certificates_.push_back(
                            {key_of(from.crl->where), tls::issuer_of(*one), *end});
                    }
                }
                options.crls = std::move(*crls);
            }
        }
        if (from.client_certificate) {
            options.client = load(*from.client_certificate);
            if (options.client) {
                note(*options.client->chain.front(),
                     key_of(from.client_certificate->certificate.where));
            }
        }
        if (!problems_.empty()) {
            return std::nullopt;
        }
        return keep(tls::upstream_context::make(std::move(options)),
                    from.client_certificate ? from.client_certificate->certificate.where
                                            : from.ca.where);
    }

    listener_parts make_listener(const settings::listener& from) {
        listener_parts made{.bind = from.bind,
                            .unix_mode = from.unix_mode,
                            .max_connections = from.max_connections,
                            .where = from.where};
        const bool passes = from.mode == settings::listener_mode::passthrough;
        made.mode = passes ? net::listener_mode::passthrough : net::listener_mode::originate;
        // A demand for certificates that a client in clear could walk past would be none; and what
        // is passed through in clear would be in clear to the node.
        const bool tls_required =
            passes || (from.tls && (from.tls->required || from.tls->client_ca));
        made.admission = {from.allow_from, from.allow_uids, tls_required};
        if (from.tls) {
            offer_tls(*from.tls, from.where, made);
        }
        return made;
    }

    void offer_tls(const settings::listener_tls& from, const std::string& where,
                   listener_parts& made) {
        const auto identity = identity_of(from, made);
        std::vector<tls::x509_ptr> client_anchors;
        if (from.client_ca) {
            auto loaded = load_anchors(*from.client_ca);
            if (!loaded) {
                return;
            }
            client_anchors = std::move(*loaded);
        }
        if (identity) {
            note(*identity->chain.front(), key_of(where) + ".tls");
            made.tls = keep(tls::local_context::make(*identity, client_anchors), where);
        }
    }

    std::shared_ptr<const tls::key_pair> identity_of(const settings::listener_tls& from,
                                                     listener_parts& made) {
        if (const auto* files = std::get_if<settings::certificate_files>(&from.certificate)) {
            auto loaded = load(*files);
            return loaded ? std::make_shared<const tls::key_pair>(std::move(*loaded)) : nullptr;
        }
        const auto known = known_.find(core::to_string(made.bind));
        made.made_certificate = known != known_.end() ? known->second : make_certificate(made.bind);
        const auto& automatic = std::get<settings::automatic_certificate>(from.certificate);
        made.export_file = automatic.export_file;
        made.exported = tls::to_pem(*made.made_certificate->chain.front());
        return made.made_certificate;
    }

    std::shared_ptr<const tls::key_pair> make_certificate(const core::bind_address& bind) const {
        const auto* tcp = std::get_if<core::endpoint>(&bind);
        return std::make_shared<const tls::key_pair>(tls::make_local_certificate(
            tcp != nullptr ? std::optional(tcp->address) : std::nullopt, now_));
    }

    /// A certificate that is written must not take the place of a file that is read.
    void check_exports(const settings::configuration& from) {
        std::vector<settings::file_path> others;
        const auto add = [&](const auto& file) {
            if (file) {
                others.push_back(*file);
            }
        };
        others.push_back(from.cluster.ca);
        add(from.cluster.crl);
        add_pair(from.cluster.client_certificate, others);
        add(from.resolver.ca);
        add(from.health.http ? from.health.http->ca : std::nullopt);
        add(from.resolver.trust_anchor);
        add(from.lock.file);
        for (const auto& listener : from.listeners) {
            if (!listener.tls) {
                continue;
            }
            add(listener.tls->client_ca);
            if (const auto* files =
                    std::get_if<settings::certificate_files>(&listener.tls->certificate)) {
                add_pair(*files, others);
            }
        }
        for (const auto& listener : from.listeners) {
            const auto* made =
                listener.tls
                    ? std::get_if<settings::automatic_certificate>(&listener.tls->certificate)
                    : nullptr;
            if (made != nullptr && made->export_file) {
                check_export(*made->export_file, others);
                others.push_back(*made->export_file);
            }
        }
    }

    static void add_pair(const std::optional<settings::certificate_files>& pair,
                         std::vector<settings::file_path>& files) {
        if (pair) {
            files.push_back(pair->certificate);
            files.push_back(pair->key);
        }
    }

    void check_export(const settings::file_path& file,
                      const std::vector<settings::file_path>& others) {
        for (const auto& other : others) {
            std::error_code ignored;
            if (file.path == other.path ||
                std::filesystem::equivalent(file.path, other.path, ignored)) {
                problems_.push_back(file.where + ": " + file.path.string() + " is also " +
                                    other.where +
                                    ", which would be overwritten; write another name");
                return;
            }
        }
    }

    void load_lock(const settings::lock& from) {
        if (!from.file || use_ == lock_use::ignore) {
            return;
        }
        auto loaded = settings::load_lock(from.file->path);
        if (loaded) {
            lock_ = std::move(*loaded);
            return;
        }
        for (const auto& problem : loaded.error()) {
            problems_.push_back(settings::to_string({problem}));
        }
        if (!std::filesystem::exists(from.file->path)) {
            problems_.push_back(from.file->where + ": make it with: roachpin pin -c FILE");
        }
    }

    /// A host that the lock does not know would be held to nothing.
    void check_lock(const settings::configuration& from) {
        for (const auto& node : from.cluster.nodes) {
            const auto* lock = locked(node.host);
            const bool holds =
                lock != nullptr && !(lock->issuer_spki.empty() && lock->next_spki.empty());
            if (lock_ && !holds) {
                problems_.push_back(node.where + ".host: " + node.host.text() +
                                    (lock == nullptr ? " is not in " : " has no issuer's key in ") +
                                    from.lock.file->path.string() +
                                    "; after review, add it with: roachpin pin --update -c FILE");
            }
        }
    }

    const settings::locked_host* locked(const core::host_name& host) const {
        if (!lock_) {
            return nullptr;
        }
        const auto found = lock_->hosts.find(host);
        return found == lock_->hosts.end() ? nullptr : &found->second;
    }

    std::vector<policy::node> make_nodes(const settings::cluster& from) const {
        std::vector<policy::node> nodes;
        for (const auto& one : from.nodes) {
            policy::node node{one.host, {}, one.tier, one.spki_sha256};
            if (const auto* pinned = std::get_if<settings::pinned>(&one.found)) {
                for (const auto& address : pinned->addresses) {
                    node.endpoints.push_back({address, one.port});
                }
            }
            if (const auto* lock = locked(one.host)) {
                node.issuer_pins = lock->issuer_spki;
                node.issuer_pins.insert(node.issuer_pins.end(), lock->next_spki.begin(),
                                        lock->next_spki.end());
                node.known_leaves = lock->leaf_spki;
            }
            nodes.push_back(std::move(node));
        }
        return nodes;
    }

    std::vector<net::resolved_name> make_names(const settings::configuration& from) const {
        std::vector<net::resolved_name> names;
        const auto& nodes = from.cluster.nodes;
        for (std::size_t i = 0; i < nodes.size(); ++i) {
            if (const auto* by_name = std::get_if<settings::resolved>(&nodes[i].found)) {
                names.push_back({i, *core::dns_name::parse(nodes[i].host.text()), by_name->srv,
                                 nodes[i].port, make_rules(*by_name, from, locked(nodes[i].host))});
            }
        }
        return names;
    }

    static policy::pin_rules make_rules(const settings::resolved& node,
                                        const settings::configuration& from,
                                        const settings::locked_host* lock) {
        const auto& resolver = from.resolver;
        policy::answer_rules answers{node.cname_allow, node.allow, node.deny, node.network,
                                     resolver.dnssec};
        answers.max_addresses = resolver.max_addresses;
        if (lock != nullptr) {
            answers.lock = policy::locked_host{lock->chain, lock->addresses};
            answers.enforce_locked_addresses = from.lock.enforce_addresses;
        }
        answers.own = own_endpoints(from.listeners);
        return {std::move(answers),   resolver.agreement,    resolver.refresh_min,
                resolver.refresh_max, resolver.removal_hold, resolver.max_stale};
    }

    static net::dns_transport transport_of(settings::dns_transport from) {
        switch (from) {
        case settings::dns_transport::udp:
            return net::dns_transport::udp;
        case settings::dns_transport::tls:
            return net::dns_transport::tls;
        case settings::dns_transport::tcp:
            break;
        }
        return net::dns_transport::tcp;
    }

    std::optional<net::resolver_options> make_resolver(const settings::resolver& from) {
        net::resolver_options made{.timeout = from.timeout, .dnssec = from.dnssec};
        for (const auto& one : from.servers) {
            made.servers.push_back({one.text, transport_of(one.transport), one.where, one.name});
        }
        if (from.trust_anchor) {
            made.trust_anchor = from.trust_anchor->path.string();
            keep(net::check_trust_anchor(made.trust_anchor), from.trust_anchor->where);
        }
        if (from.ca) {
            made.roots = make_roots(*from.ca);
        }
        return made;
    }

    /// A context that trusts a file's roots, and has no other demands.
    std::optional<tls::upstream_context> make_roots(const settings::file_path& file) {
        tls::upstream_options options;
        auto anchors = load_anchors(file);
        if (!anchors) {
            return std::nullopt;
        }
        options.anchors = std::move(*anchors);
        return keep(tls::upstream_context::make(std::move(options)), file.where);
    }

    std::optional<net::http_health> make_health(const settings::health_http& from,
                                                const settings::cluster& cluster) {
        auto roots = make_roots(from.ca ? *from.ca : cluster.ca);
        if (!roots) {
            return std::nullopt;
        }
        return net::http_health{from.port, from.path,
                                std::make_shared<const tls::upstream_context>(std::move(*roots))};
    }

    std::chrono::system_clock::time_point now_;
    lock_use use_;
    made_certificates known_;
    std::optional<settings::lock_file> lock_;
    problems problems_;
    std::set<std::string> noted_; ///< where the files are named whose anchors were noted
    std::vector<dated_certificate> certificates_;
};

} // namespace

boost::system::result<parts, problems> assemble(const settings::configuration& configuration,
                                                std::chrono::system_clock::time_point now,
                                                lock_use lock, made_certificates known) {
    return assembler(now, lock, std::move(known)).put_together(configuration);
}

} // namespace roachpin::app
