#include "settings/certificate_pair.hpp"

#include "settings/files.hpp"

namespace roachpin::settings {

std::optional<certificate_files> read_certificate_pair(mapping& in,
                                                       std::string_view certificate_key,
                                                       std::string_view key_key,
                                                       const std::filesystem::path& base) {
    auto certificate = in.optional(certificate_key, readable_file{base});
    auto key = in.optional(key_key, private_file{base});
    const bool has_certificate = in.has_value(certificate_key);
    if (has_certificate != in.has_value(key_key)) {
        const auto given = has_certificate ? certificate_key : key_key;
        const auto missing = has_certificate ? key_key : certificate_key;
        in.complain(given, std::string(missing) + " is missing; a certificate and its key go " +
                               "together");
    }
    if (!certificate || !key) {
        return std::nullopt;
    }
    return certificate_files{*certificate, *key};
}

} // namespace roachpin::settings
