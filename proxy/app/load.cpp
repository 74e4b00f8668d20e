#include "app/load.hpp"

#include "settings/lock_file.hpp"

#include <sstream>

namespace roachpin::app {
namespace {

problems lines_of(const std::string& text) {
    problems lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) {
        lines.push_back(std::move(line));
    }
    return lines;
}

class file_list {
public:
    explicit file_list(std::filesystem::path first) : files_{std::move(first)} {}

    void add(const settings::file_path& file) { files_.push_back(file.path); }

    void add(const settings::certificate_files& pair) {
        add(pair.certificate);
        add(pair.key);
    }

    template <class File>
    void add(const std::optional<File>& file) {
        if (file) {
            add(*file);
        }
    }

    std::vector<std::filesystem::path> take() { return std::move(files_); }

private:
    std::vector<std::filesystem::path> files_;
};

} // namespace

boost::system::result<prepared, problems> load(const configuration_source& from, lock_use lock,
                                               made_certificates known) {
    auto configuration = settings::load(from.file, settings::process_environment(), from.flags);
    if (!configuration) {
        return lines_of(settings::to_string(configuration.error()));
    }
    auto made = assemble(*configuration, std::chrono::system_clock::now(), lock, std::move(known));
    if (!made) {
        return made.error();
    }
    return prepared{std::move(*configuration), std::move(*made)};
}

std::vector<std::filesystem::path> files_of(const configuration_source& from,
                                            const settings::configuration& configuration) {
    file_list files(from.file);
    files.add(configuration.cluster.ca);
    files.add(configuration.cluster.crl);
    files.add(configuration.cluster.client_certificate);
    files.add(configuration.resolver.ca);
    files.add(configuration.resolver.trust_anchor);
    files.add(configuration.lock.file);
    if (configuration.health.http) {
        files.add(configuration.health.http->ca);
    }
    for (const auto& listener : configuration.listeners) {
        if (listener.tls) {
            files.add(listener.tls->client_ca);
            if (const auto* pair =
                    std::get_if<settings::certificate_files>(&listener.tls->certificate)) {
                files.add(*pair);
            }
        }
    }
    return files.take();
}

} // namespace roachpin::app
