#include "app/version.hpp"

#include "net/dns_carrier.hpp"
#include "net/validator.hpp"
#include "tls/library.hpp"

#include <boost/version.hpp>

namespace roachpin::app {

std::string version() {
    return ROACHPIN_VERSION;
}

std::string libraries() {
    return tls::library_version() + ", Boost " + std::to_string(BOOST_VERSION / 100000) + "." +
           std::to_string(BOOST_VERSION / 100 % 1000) + ", " + net::carrier_version() + ", " +
           net::validator_version();
}

} // namespace roachpin::app
