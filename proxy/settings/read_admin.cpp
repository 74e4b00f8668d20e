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

} // namespace

admin read_admin(mapping& in) {
    return {.control = in.optional("control", parse_control),
            .where = in.place_of("control").to_string()};
}

} // namespace roachpin::settings
