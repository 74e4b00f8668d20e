#pragma once

#include <string>

namespace roachpin::app {

/// The flags of `roachpin init`; what is empty was not given.
struct init_flags {
    std::string from_certs_dir;
    std::string from_haproxy;
    std::string output; ///< empty: stdout
    bool force = false; ///< `output` may be there already
};

/// `roachpin init`: writes a commented configuration, with what the sources say in it, and says on
/// stderr what was left out and what the parser of `roachpin run` still misses. Where both sources
/// name nodes, those of the balancer are taken. The exit code: `bad_configuration_or_usage` where a
/// source cannot be read or the file not be written.
int init(const init_flags& flags);

} // namespace roachpin::app
