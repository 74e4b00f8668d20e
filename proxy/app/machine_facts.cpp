#include "app/machine_facts.hpp"

#include "app/own_endpoints.hpp"
#include "net/dns_carrier.hpp"
#include "net/validator.hpp"
#include "settings/lock_file.hpp"
#include "tls/certificate.hpp"
#include "tls/credentials.hpp"
#include "tls/library.hpp"

#include <algorithm>
#include <set>
#include <sys/stat.h>
#include <unistd.h>

namespace roachpin::app {
namespace {

/// Debian's and Red Hat's.
constexpr const char* system_bundles[] = {"/etc/ssl/certs/ca-certificates.crt",
                                          "/etc/pki/tls/certs/ca-bundle.crt"};

/// What an administrator has added to Debian's is in it, too, and no public authority.
constexpr const char* local_authorities = "/usr/local/share/ca-certificates";

using key_set = std::set<core::spki_pin>;

/// None where the file is not there or is something else.
void add_keys(const std::filesystem::path& file, key_set& to) {
    if (const auto loaded = tls::load_anchors(file.string())) {
        for (const auto& one : *loaded) {
            to.insert(tls::spki_of(*one));
        }
    }
}

key_set public_keys() {
    key_set keys;
    for (const auto* bundle : system_bundles) {
        add_keys(bundle, keys);
    }
    key_set local;
    std::error_code ignored;
    for (std::filesystem::recursive_directory_iterator at(local_authorities, ignored), end;
         at != end; at.increment(ignored)) {
        add_keys(at->path(), local);
    }
    for (const auto& key : local) {
        keys.erase(key);
    }
    return keys;
}

std::vector<audit::anchor> anchors_of(const settings::file_path& file) {
    std::vector<audit::anchor> anchors;
    const auto known = public_keys();
    if (const auto loaded = tls::load_anchors(file.path.string())) {
        for (const auto& one : *loaded) {
            anchors.push_back({tls::subject_of(*one), tls::not_after_of(*one),
                               known.contains(tls::spki_of(*one))});
        }
    }
    return anchors;
}

std::vector<settings::certificate_files> pairs_of(const settings::configuration& from) {
    std::vector<settings::certificate_files> pairs;
    if (from.cluster.client_certificate) {
        pairs.push_back(*from.cluster.client_certificate);
    }
    for (const auto& listener : from.listeners) {
        const auto* files =
            listener.tls ? std::get_if<settings::certificate_files>(&listener.tls->certificate)
                         : nullptr;
        if (files != nullptr) {
            pairs.push_back(*files);
        }
    }
    return pairs;
}

void add_certificate(const settings::certificate_files& pair, audit::machine_facts& to) {
    const auto loaded = tls::load_key_pair(pair.certificate.path.string(), pair.key.path.string());
    if (loaded) {
        const auto& leaf = *loaded->chain.front();
        to.certificates.push_back(
            {pair.certificate.where, tls::subject_of(leaf), tls::not_after_of(leaf)});
    }
}

audit::access access_of(const struct stat& facts) {
    return {facts.st_uid, facts.st_gid, facts.st_mode};
}

/// Every file that the configuration's safety hangs on, itself among them.
class guarded_files {
public:
    explicit guarded_files(const std::string& configuration) {
        add({configuration, configuration + ":1: configuration"}, false);
    }

    void add(const settings::file_path& file, bool is_key) {
        struct stat own {};

        struct stat folder {};

        const auto parent = file.path.has_parent_path() ? file.path.parent_path() : ".";
        if (::stat(file.path.c_str(), &own) == 0 && ::stat(parent.c_str(), &folder) == 0) {
            files_.push_back({file.where, file.path, is_key, access_of(own), access_of(folder)});
        }
    }

    void add(const std::optional<settings::file_path>& file) {
        if (file) {
            add(*file, false);
        }
    }

    std::vector<audit::guarded_file> take() { return std::move(files_); }

private:
    std::vector<audit::guarded_file> files_;
};

std::vector<audit::guarded_file> files_of(const std::string& file,
                                          const settings::configuration& from) {
    guarded_files files(file);
    files.add(from.cluster.ca, false);
    files.add(from.cluster.crl);
    files.add(from.resolver.ca);
    files.add(from.resolver.trust_anchor);
    files.add(from.lock.file);
    if (from.health.http) {
        files.add(from.health.http->ca);
    }
    for (const auto& listener : from.listeners) {
        if (listener.tls) {
            files.add(listener.tls->client_ca);
        }
    }
    for (const auto& pair : pairs_of(from)) {
        files.add(pair.key, true);
    }
    return files.take();
}

/// Of "OpenSSL 3.0.19 27 Jan 2026": the name and the version.
audit::library library_of(const std::string& text) {
    const auto name_ends = std::min(text.find(' '), text.size());
    const auto begin = std::min(name_ends + 1, text.size());
    return {text.substr(0, name_ends), text.substr(begin, text.find(' ', begin) - begin)};
}

std::optional<std::chrono::year_month_day> review_by(const settings::lock& lock) {
    if (lock.file) {
        if (const auto loaded = settings::load_lock(lock.file->path)) {
            return loaded->review_by;
        }
    }
    return std::nullopt;
}

} // namespace

audit::machine_facts look_at_machine(const std::string& file, const prepared& from) {
    const auto& configuration = from.configuration;
    audit::machine_facts seen;
    seen.anchors = anchors_of(configuration.cluster.ca);
    for (const auto& pair : pairs_of(configuration)) {
        add_certificate(pair, seen);
    }
    seen.files = files_of(file, configuration);
    seen.process_group = ::getegid();
    seen.libraries = {library_of(net::carrier_version()), library_of(net::validator_version()),
                      library_of(tls::library_version())};
    seen.own_endpoints = own_endpoints(configuration.listeners);
    seen.lock_review_by = review_by(configuration.lock);
    return seen;
}

} // namespace roachpin::app
