#pragma once

#include "support/temp_dir.hpp"
#include "tls/upstream_context.hpp"

#include <memory>
#include <string>

namespace roachpin::test {

/// What a node must prove where its authority is all that counts.
inline std::shared_ptr<const tls::upstream_context> trusting(const std::string& ca_pem) {
    const temp_dir files;
    tls::upstream_options options;
    options.anchors = tls::load_anchors(files.write("ca.crt", ca_pem)).value();
    return std::make_shared<const tls::upstream_context>(
        tls::upstream_context::make(std::move(options)).value());
}

} // namespace roachpin::test
