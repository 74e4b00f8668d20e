#pragma once

#include "core/endpoint.hpp"
#include "core/error.hpp"
#include "core/time.hpp"
#include "dns/query.hpp"
#include "net/asio.hpp"
#include "net/asked.hpp"

#include <memory>
#include <string>

namespace roachpin::net {

/// The version of libunbound that is loaded.
std::string validator_version();

/// Whether libunbound can read `file` and finds something to trust in it.
core::result<void> check_trust_anchor(const std::string& file);

/// DNSSEC, validated here: libunbound, which asks one server for everything down from the trust
/// anchor. It has a thread of its own; everything here is for the control thread.
class validator {
public:
    /// `trust_anchor`: a file of DS or DNSKEY records. `over_tcp`: never over UDP. Throws
    /// std::runtime_error where libunbound does not take them.
    validator(executor where, core::endpoint server, bool over_tcp,
              const std::string& trust_anchor);
    validator(const validator&) = delete;
    validator& operator=(const validator&) = delete;
    ~validator();

    awaitable<asked> ask(dns::question what, core::duration timeout);

private:
    class engine;
    std::shared_ptr<engine> engine_;
};

} // namespace roachpin::net
