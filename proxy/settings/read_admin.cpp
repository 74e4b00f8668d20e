#include "settings/read_admin.hpp"

#include "settings/files.hpp"

#include <variant>

namespace roachpin::settings {
namespace {

/// A unix socket alone: its mode says who may reload and end this process, which TCP cannot.
core::result<core::unix_path> parse_control(const scalar& value) {
    if (!value.text.starts_with("unix:")) {
        return core::error{"\"" + value.text +
                           "\" is not a unix socket, which alone keeps other users from ending "
                           "roachpin; write unix:/run/roachpin/control.sock"};
    }
    const auto bind = core::parse_bind_address(value.text);
    if (!bind) {
        return bind.error();
    }
    const auto& socket = std::get<core::unix_path>(*bind);
    const auto file = file_to_write{}(scalar{socket.path, value.where});
    return file ? core::result<core::unix_path>(socket) : file.error();
}

core::result<core::endpoint> parse_bind(std::string_view text) {
    const auto bind = core::parse_bind_address(text);
    if (!bind) {
        return bind.error();
    }
    if (const auto* tcp = std::get_if<core::endpoint>(&*bind)) {
        return *tcp;
    }
    return core::error{"\"" + std::string(text) +
                       "\" is a unix socket, which no Prometheus can reach; write an address and a "
                       "port such as 127.0.0.1:9257"};
}

} // namespace

admin read_admin(mapping& in) {
    admin read;
    const bool is_said = in.is_present("bind");
    const auto bind = in.optional("bind", parse_bind);
    if (bind || is_said) {
        read.bind = bind;
    }
    read.bind_where = in.place_of("bind").to_string();
    read.control = in.optional("control", parse_control);
    read.control_where = in.place_of("control").to_string();
    return read;
}

} // namespace roachpin::settings
