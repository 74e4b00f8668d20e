#include "core/error.hpp"

#include <cerrno>
#include <utility>

namespace roachpin::core {

error system_error(std::string what, const boost::system::error_code& cause) {
    return {std::move(what) + ": " + cause.message(), cause};
}

error system_error(std::string what) {
    return system_error(std::move(what), {errno, boost::system::system_category()});
}

} // namespace roachpin::core
