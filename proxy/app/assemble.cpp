#include "app/assemble.hpp"

#include "tls/local_certificate.hpp"

namespace roachpin::app {
namespace {

/// Collects problems while it loads.
class assembler {
public:
    explicit assembler(std::chrono::system_clock::time_point now) : now_(now) {}

    boost::system::result<parts, problems> put_together(const settings::configuration& from) {
        auto upstream = make_upstream(from.cluster);
        std::vector<listener_parts> listeners;
        for (const auto& one : from.listeners) {
            listeners.push_back(make_listener(one));
        }
        check_exports(from);
        if (!upstream || !problems_.empty()) {
            return std::move(problems_);
        }
        return parts{make_cluster(from.cluster), std::move(*upstream), std::move(listeners)};
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

    std::optional<tls::key_pair> load(const settings::certificate_files& files) {
        return keep(tls::load_key_pair(files.certificate.path.string(), files.key.path.string()),
                    files.certificate.where);
    }

    std::optional<tls::upstream_context> make_upstream(const settings::cluster& from) {
        tls::upstream_options options;
        options.pins = from.spki_sha256;
        options.revoked = from.revoked_spki_sha256;
        options.min_version = from.min_tls;
        if (auto anchors = keep(tls::load_anchors(from.ca.path.string()), from.ca.where)) {
            options.anchors = std::move(*anchors);
        }
        if (from.crl) {
            if (auto crls = keep(tls::load_crls(from.crl->path.string()), from.crl->where)) {
                options.crls = std::move(*crls);
            }
        }
        if (from.client_certificate) {
            options.client = load(*from.client_certificate);
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
        // A demand for certificates that a client in clear could walk past would be none.
        const bool tls_required = from.tls && (from.tls->required || from.tls->client_ca);
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
            auto loaded =
                keep(tls::load_anchors(from.client_ca->path.string()), from.client_ca->where);
            if (!loaded) {
                return;
            }
            client_anchors = std::move(*loaded);
        }
        if (identity) {
            made.tls = keep(tls::local_context::make(*identity, client_anchors), where);
        }
    }

    std::optional<tls::key_pair> identity_of(const settings::listener_tls& from,
                                             listener_parts& made) {
        if (const auto* files = std::get_if<settings::certificate_files>(&from.certificate)) {
            return load(*files);
        }
        const auto* tcp = std::get_if<core::endpoint>(&made.bind);
        auto identity = tls::make_local_certificate(
            tcp != nullptr ? std::optional(tcp->address) : std::nullopt, now_);
        made.made_certificate = true;
        const auto& automatic = std::get<settings::automatic_certificate>(from.certificate);
        made.export_file = automatic.export_file;
        made.exported = tls::to_pem(*identity.chain.front());
        return identity;
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

    static policy::cluster make_cluster(const settings::cluster& from) {
        std::vector<policy::node> nodes;
        for (const auto& one : from.nodes) {
            policy::node node{one.host, {}, one.tier, one.spki_sha256};
            for (const auto& address : one.addresses) {
                node.endpoints.push_back({address, one.port});
            }
            nodes.push_back(std::move(node));
        }
        return policy::cluster(std::move(nodes));
    }

    std::chrono::system_clock::time_point now_;
    problems problems_;
};

} // namespace

boost::system::result<parts, problems> assemble(const settings::configuration& configuration,
                                                std::chrono::system_clock::time_point now) {
    return assembler(now).put_together(configuration);
}

} // namespace roachpin::app
