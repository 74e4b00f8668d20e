#pragma once

#include "app/assemble.hpp"
#include "settings/parse.hpp"

#include <boost/system/result.hpp>

#include <string>

namespace roachpin::app {

/// Where a configuration comes from: what is needed to read it again.
struct configuration_source {
    std::string file;
    settings::overrides flags{};
};

/// The configuration and what is made of it.
struct prepared {
    settings::configuration configuration;
    parts made;
};

/// Reads the file and everything it names, and puts it together; every problem otherwise. Changes
/// nothing. `known`: see `assemble`.
boost::system::result<prepared, problems> load(const configuration_source& from, lock_use lock,
                                               made_certificates known = {});

/// The files it was read from: those whose change is worth reading them again.
std::vector<std::filesystem::path> files_of(const configuration_source& from,
                                            const settings::configuration& configuration);

} // namespace roachpin::app
